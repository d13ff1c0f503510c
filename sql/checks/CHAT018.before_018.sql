-- As CHAT018.sql, where no chat has a clock of its state: it was closed when its last assignment ended.
select c.id as chat_id,
       closed.at as closed_at,
       null::text as closed_reason,
       unanswered.messages as messages_since,
       unanswered.paid as paid_messages,
       unanswered.newest_at as user_wrote_at
  from (
    -- Few: in the others a reply is the last that happened.
    select * from chats
     where (is_active is false or chat_state::text = 'completed')
       and (operator_replied_at is null or last_message_at > operator_replied_at)
    offset 0
  ) as c
 cross join lateral (
   select coalesce((select pg_catalog.max(a.released_at) from chat_assignments a where a.chat_id = c.id), c.updated_at) as at
 ) as closed
 cross join lateral (
   select pg_catalog.count(*) as messages, pg_catalog.count(*) filter (where m.is_free_message is false) as paid,
          pg_catalog.max(m.created_at) as newest_at
     from messages m
    where m.chat_id = c.id and m.sender_type::text = 'real' and m.created_at > greatest(closed.at, c.operator_replied_at)
 ) as unanswered
 where c.last_message_at > closed.at
   and unanswered.messages > 0
   and not (c.chat_state::text = 'completed'
            and (select pg_catalog.count(*) from chat_assignments a where a.chat_id = c.id and a.released_at is not null)::numeric
                >= :'max_reassignments'::numeric
            and (select a.release_reason::text is distinct from 'operator_sent_message' from chat_assignments a
                  where a.chat_id = c.id and a.released_at is not null
                  order by a.released_at desc, a.assigned_at desc, a.id desc limit 1))
 order by unanswered.newest_at desc, c.id
