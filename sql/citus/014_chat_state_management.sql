-- On a Citus cluster a column comes apart from its constraint, which bears a name.

-- instead of: do $chat_state$
do $chat_state$
declare
  v_chats constant regclass := pg_catalog.format('%I.chats', current_schema())::regclass;
begin
  if not exists (select from pg_attribute where attrelid = v_chats::oid and attname = 'last_operator_id' and not attisdropped) then
    alter table chats add column last_operator_id uuid;
    alter table chats add constraint chats_last_operator_id_fkey
      foreign key (last_operator_id) references operators (id) on delete set null;
  end if;
  alter table chats add column if not exists operator_replied_at timestamptz;

  if exists (
    select 1 from pg_attribute where attrelid = v_chats::oid and attname = 'chat_state' and not attisdropped
  ) then
    return;
  end if;

  alter table chats add column chat_state text default 'waiting_assignment';
  alter table chats add constraint chats_chat_state_check
    check (chat_state in ('waiting_assignment', 'assigned', 'waiting_real_user_reply', 'completed'));

  update chats as c
     set chat_state = found.chat_state,
         operator_replied_at = case when found.chat_state::text = 'waiting_real_user_reply' then found.replied_at
                                    else c.operator_replied_at end,
         last_operator_id = coalesce(c.last_operator_id, found.replied_by)
    from (
      select chats.id, reply.created_at as replied_at, reply.handled_by_operator_id as replied_by,
             case when chats.is_active is false then 'completed'
                  when chats.assigned_operator_id is not null then 'assigned'
                  when newest.sender_type::text = 'fictional' then 'waiting_real_user_reply'
                  else 'waiting_assignment' end as chat_state
        from chats
        left join lateral (
          select sender_type from messages where chat_id = chats.id order by created_at desc limit 1
        ) as newest on true
        left join lateral (
          select created_at, handled_by_operator_id from messages
           where chat_id = chats.id and sender_type::text = 'fictional' order by created_at desc limit 1
        ) as reply on true
    ) as found
   where found.id = c.id
     and (found.chat_state::text <> 'waiting_assignment' or found.replied_by is not null);
end
$chat_state$;
