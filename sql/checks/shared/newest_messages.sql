-- Of each active chat that waits for its user: when its user wrote last and who answered, where either is not as it should be.
--
-- Several checks ask for it, so the runner asks them together: one pass over the messages. `offset 0` keeps the planner from a look
-- at each chat, which takes random reads without number on millions of old ones. A chat's last message is within a minute of
-- last_message_at, which the application and its trigger write with different clocks; what is older is left out.
select m.chat_id,
       max(m.created_at) filter (where m.sender_type = 'real') as user_wrote_at,
       max(m.created_at) filter (where m.sender_type = 'fictional') as answered_at,
       -- Whether somebody else than the last operator answered in that time; who was the last is then looked up.
       bool_or(m.sender_type = 'fictional' and m.handled_by_operator_id <> d.last_operator_id) as answered_by_another
  from (select chat_id, sender_type, created_at, handled_by_operator_id from messages offset 0) as m
  join (
    select id, last_operator_id, coalesce(last_message_at - interval '1 minute', '-infinity') as from_then_on
      from chats
     where chat_state = 'waiting_real_user_reply' and is_active is not false
  ) as d on d.id = m.chat_id and m.created_at >= d.from_then_on
 group by m.chat_id
-- Nearly all are as they should be, and need not be kept: answered last, and by the last operator.
having bool_or(m.sender_type = 'fictional' and m.handled_by_operator_id <> d.last_operator_id)
    or max(m.created_at) filter (where m.sender_type = 'fictional') is null
    or max(m.created_at) filter (where m.sender_type = 'real') > max(m.created_at) filter (where m.sender_type = 'fictional')
