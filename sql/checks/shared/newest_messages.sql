-- Of each active chat that waits for its user: the newest message, where it is not a reply of the operator whom the chat remembers;
-- and of chats that are gone, how many messages are left (`orphans`).
--
-- Several checks ask for it, so the runner asks them together. One pass over the messages, which leaves the server's memory to
-- those who work: only those count that are not older than what the chat says of itself. Of chats that have no such message,
-- because what they say of themselves is wrong, the newest is looked up.
with seen as materialized (
  select m.chat_id,
         pg_catalog.count(*) filter (where c.id is null) as orphans,
         pg_catalog.max(m.created_at) filter (where m.sender_type::text = 'real') as real_at,
         pg_catalog.max(m.created_at) filter (where m.sender_type::text = 'fictional') as reply_at,
         pg_catalog.max(m.created_at) filter (where m.sender_type::text = 'fictional'
                                                and m.handled_by_operator_id is not distinct from c.last_operator_id) as own_reply_at
    from messages m
    left join chats c on c.id = m.chat_id
   where m.chat_id is not null
     and (c.id is null
          or (c.chat_state::text = 'waiting_real_user_reply'
              and c.is_active is not false
              and m.created_at >= coalesce(least(c.operator_replied_at - interval '1 minute', c.last_message_at), '-infinity')))
   group by m.chat_id
)
select s.chat_id,
       case when s.real_at > coalesce(s.reply_at, '-infinity') then 'real' else 'fictional' end as sender_type,
       greatest(s.real_at, s.reply_at) as written_at,
       s.orphans
  from seen s
 where s.orphans > 0
    or s.real_at > coalesce(s.reply_at, '-infinity')
    or s.reply_at is distinct from s.own_reply_at
union all
select c.id, newest.sender_type::text, newest.created_at, 0
  from chats c
 cross join lateral (
   select m.sender_type, m.handled_by_operator_id, m.created_at
     from messages m
    where m.chat_id = c.id
    order by m.created_at desc
    limit 1
 ) as newest
 where c.chat_state::text = 'waiting_real_user_reply'
   and c.is_active is not false
   and not exists (select from seen s where s.chat_id = c.id)
   and (newest.sender_type::text = 'real' or newest.handled_by_operator_id is distinct from c.last_operator_id)
