-- Who could be given chats, write, reply and release when chatops last kept who may what?
with kept as (
  select k.value -> 'is'::text ->> 'role'::text as role, pg_catalog.regexp_replace(k.key, '^.* may (execute )?(\w+( \w+)?).*$', '\2') as may
    from chatops.settings s
   cross join lateral pg_catalog.jsonb_each(case when pg_catalog.jsonb_typeof(s.value) = 'object' then s.value else '{}' end) as k
   where s.target_schema = current_schema() and s.key = 'safety'
     and k.key ~ ' may ((insert|update) (chats|messages)$|execute (assign_chat_to_operator|user_message|operator_reply|release_chat|release_and_reassign_chat)\()'
)
select k.role,
       pg_catalog.bool_or(k.may = 'assign_chat_to_operator') as assign,
       pg_catalog.bool_or(k.may = 'user_message') or (pg_catalog.bool_or(k.may = 'insert messages') and pg_catalog.bool_or(k.may = 'update chats')) as message,
       pg_catalog.bool_or(k.may = 'operator_reply') or (pg_catalog.bool_or(k.may = 'insert messages') and pg_catalog.bool_or(k.may = 'update chats')) as reply,
       pg_catalog.bool_or(k.may in ('release_chat', 'release_and_reassign_chat', 'update chats')) as release
  from kept k
  join pg_catalog.pg_roles r on r.rolname = k.role
 where k.role <> 'anon' and not r.rolsuper
 group by k.role
