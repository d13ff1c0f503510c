-- Which published functions can the application's roles not call?
-- code: DB009
-- title: {count} published functions cannot be called by the application's roles
-- title-one: {role} cannot call {object}
-- narrow: {count} functions lack grants
-- narrow-one: 1 function lacks a grant
-- severity: warning
-- critical: nobody of these roles can be given a chat any more
-- advice: only roles that read the chats, and write none, are refused a figure
-- group: schema
-- expected: authenticated may assign and ask, service_role may do everything, where these roles exist; where neither works here, a role that writes the chats may assign; and who may call a reading function may read what it reads
-- why: the function was dropped and made again, which loses its grants, somebody revoked too much, or 027 took it from everybody and who called it as everybody does was granted nothing
-- consequence: the application gets "permission denied for function" and assigns or releases nothing
-- help-sql: {remedy}
-- needs-table: chats
-- says: nobody answers; the deploy is not right
-- unplanted: it takes the roles of the hosting, which belong to the whole server
-- Roles belong to the whole server: one that is granted nothing here, neither the schema nor a table nor a function of the chats,
-- is no role of this application. Of what other roles were granted, or could do before files went in, DB030 remembers more.
with functions as materialized (
  select p.oid, p.proname, p.oid::regprocedure as call, p.proowner, p.prosrc, n.oid as schema_oid, n.nspacl, c.oid as chats_oid, c.relowner
    from pg_namespace n
    join pg_class c on c.relnamespace = n.oid and c.relname = 'chats'
    join pg_proc p on p.pronamespace = n.oid
   where n.nspname = current_schema()
     and p.proname in ('assign_chat_to_operator', 'release_and_reassign_chat', 'get_assignment_queue_status', 'detect_stuck_chats',
                       'should_keep_assignment')
), granted as materialized (
  select c.relname, a.grantee, a.privilege_type
    from (select distinct schema_oid from functions) as n
    join pg_class c on c.relnamespace = n.schema_oid and c.relname in ('chats', 'messages')
   cross join lateral (
     select g.grantee, g.privilege_type from pg_catalog.aclexplode(c.relacl) as g
     union all
     select g.grantee, g.privilege_type from pg_attribute t cross join lateral pg_catalog.aclexplode(t.attacl) as g where t.attrelid = c.oid
   ) as a
), works as materialized (
  -- Who was granted something on the chats by name: whether they write them, and whether they, or somebody as they, log in.
  select r.oid, r.rolname, pg_catalog.bool_or(g.relname = 'messages' and g.privilege_type = 'INSERT' or g.relname = 'chats' and g.privilege_type = 'UPDATE') as writes,
         r.rolcanlogin or exists (select from pg_auth_members m where m.roleid = r.oid) as is_used
    from granted g
    join pg_roles r on r.oid = g.grantee and not r.rolsuper
   where not exists (select from functions f where pg_catalog.pg_has_role(r.oid, f.relowner, 'usage'))
     and r.rolname not in ('anon', 'chatops_reader', 'chatops_operator')
   group by r.oid, r.rolname, r.rolcanlogin
), beneath as materialized (
  -- What the views read that the reading functions ask: of chats each column, for they read as their callers.
  select f.oid, v.oid as relation_oid, v.relname, null::smallint as attnum
    from functions f
    join pg_class v on v.relnamespace = f.schema_oid and v.relkind = 'v'
   where f.proname = 'get_assignment_queue_status' and v.relname = 'chat_queue' and f.prosrc ~ '\mchat_queue\M'
      or f.proname = 'detect_stuck_chats' and v.relname in ('chat_queue', 'stuck_chats') and f.prosrc ~ '\mstuck_chats\M'
  union
  select f.oid, d.refobjid, 'chats', d.refobjsubid::smallint
    from functions f
    join pg_class v on v.relnamespace = f.schema_oid and v.relkind = 'v' and 'security_invoker=true' = any (v.reloptions)
    join pg_rewrite w on w.ev_class = v.oid
    join pg_depend d on d.classid = 'pg_rewrite'::regclass::oid and d.objid = w.oid and d.refclassid = 'pg_class'::regclass::oid
     and d.refobjid = f.chats_oid and d.refobjsubid > 0
   where f.proname = 'get_assignment_queue_status' and v.relname = 'chat_queue' and f.prosrc ~ '\mchat_queue\M'
      or f.proname = 'detect_stuck_chats' and v.relname in ('chat_queue', 'stuck_chats') and f.prosrc ~ '\mstuck_chats\M'
)
select pg_catalog.string_agg(r.rolname::text, ' and ' order by r.rolname) as role,
       p.call::text as object,
       'somebody revoked it, or the function was dropped and made again, which loses its grants' as because,
       'the application gets "permission denied for function": '
       || case p.proname when 'assign_chat_to_operator' then 'no operator who presses Next is given a chat'
               when 'release_and_reassign_chat' then 'no chat is released, so idle operators keep theirs'
               when 'should_keep_assignment' then 'it cannot ask whether a chat stays with its operator'
               else 'its monitoring shows nothing' end as so,
       pg_catalog.format('grant execute on function %s to %s;', p.call, pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ', ' order by r.rolname)) as remedy,
       p.proname = 'assign_chat_to_operator' as critical, false as advice
  from (values ('authenticated', 'assign_chat_to_operator'),
               ('service_role', 'assign_chat_to_operator'),
               ('service_role', 'release_and_reassign_chat'),
               ('service_role', 'get_assignment_queue_status'),
               ('service_role', 'detect_stuck_chats'),
               ('service_role', 'should_keep_assignment')) as wanted (role, object)
  join pg_roles r on r.rolname = wanted.role
  join functions p on p.proname = wanted.object
 where not pg_catalog.has_function_privilege(r.oid, p.oid, 'execute')
   and (pg_catalog.has_any_column_privilege(r.oid, p.chats_oid, 'select') or pg_catalog.has_table_privilege(r.oid, p.chats_oid, 'insert, update, delete')
        or exists (select from pg_catalog.aclexplode(p.nspacl) as a where a.grantee = r.oid)
        or exists (select from pg_proc o cross join lateral pg_catalog.aclexplode(o.proacl) as a
                    where a.grantee = r.oid and o.oid in (select f.oid from functions f))
        or exists (select from pg_class o cross join lateral pg_catalog.aclexplode(o.relacl) as a
                    where o.relnamespace = p.schema_oid and a.grantee = r.oid
                      and o.relname in ('operators', 'real_users', 'fictional_users', 'messages', 'chat_assignments', 'operator_activity', 'platform_config',
                                        'chat_state_summary', 'chat_queue', 'stuck_chats', 'operator_load')))
 group by p.oid, p.call, p.proname
union all
-- Those who write the chats, none of whom may assign: unless the application is their owner, it comes as one of these.
select pg_catalog.string_agg(w.rolname::text, ' and ' order by w.rolname), p.call::text,
       'since 027 took it from everybody nobody of these was granted it, or somebody revoked it',
       'whoever comes as ' || pg_catalog.string_agg(w.rolname::text, ' or ' order by w.rolname) || ' gets "permission denied for function": only the owner of the tables may assign',
       pg_catalog.format('grant execute on function %s to %s;', p.call, pg_catalog.string_agg(pg_catalog.quote_ident(w.rolname), ', ' order by w.rolname)),
       false, false
  from functions p
  join works w on w.writes and w.is_used and w.rolname not in ('authenticated', 'service_role')
 where p.proname = 'assign_chat_to_operator'
   and not exists (select from works o where o.writes and pg_catalog.has_function_privilege(o.oid, p.oid, 'execute'))
 group by p.oid, p.call
union all
-- May call it, and read of the chats what its first text read: it is refused for what the views read.
select pg_catalog.string_agg(l.rolname::text, ' and ' order by l.rolname), l.call::text,
       'what it reads now came later than the grants of this role, or somebody revoked too much',
       pg_catalog.format('it is refused: they may not read %s', l.lacks), pg_catalog.string_agg(l.remedy, ' ' order by l.rolname), false, not pg_catalog.bool_or(l.writes)
  from (
    select w.rolname, w.writes, p.call,
           pg_catalog.string_agg(b.relname::text || case when b.attnum is null then '' else '.' || (select a.attname::text from pg_attribute a where a.attrelid = b.relation_oid and a.attnum = b.attnum) end,
                                 ', ' order by b.relname, b.attnum) as lacks,
           pg_catalog.concat_ws(' ',
             'grant select on ' || pg_catalog.string_agg(pg_catalog.quote_ident(b.relname), ', ' order by b.relname) filter (where b.attnum is null) || ' to ' || pg_catalog.quote_ident(w.rolname) || ';',
             'grant select (' || pg_catalog.string_agg((select pg_catalog.quote_ident(a.attname) from pg_attribute a where a.attrelid = b.relation_oid and a.attnum = b.attnum), ', ' order by b.attnum) filter (where b.attnum is not null)
             || ') on chats to ' || pg_catalog.quote_ident(w.rolname) || ';') as remedy
      from functions p
      join works w on pg_catalog.has_function_privilege(w.oid, p.oid, 'execute') and pg_catalog.has_schema_privilege(w.oid, p.schema_oid, 'usage')
      join beneath b on b.oid = p.oid
       and not case when b.attnum is null then pg_catalog.has_table_privilege(w.oid, b.relation_oid, 'select')
                    else pg_catalog.has_column_privilege(w.oid, b.relation_oid, b.attnum, 'select') end
     where not exists (
       select from pg_attribute a
        where a.attrelid = p.chats_oid and not a.attisdropped
          and a.attname = any (case p.proname when 'detect_stuck_chats'
                                    then array['id', 'chat_state', 'assigned_operator_id', 'last_operator_id', 'updated_at', 'last_message_at', 'is_active']
                                    else array['chat_state', 'is_active', 'created_at'] end)
          and not pg_catalog.has_column_privilege(w.oid, a.attrelid, a.attnum, 'select'))
     group by w.oid, w.rolname, w.writes, p.oid, p.call
  ) as l
 group by l.call, l.lacks
 order by critical desc, advice, 2
