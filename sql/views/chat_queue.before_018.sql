-- The chats that wait for an operator, each since the oldest user message that nobody has answered; no empty chats.
-- needs: queue_paused_until
-- For a database without chats.waiting_since: the wait is read from the messages of each chat in that state.
create or replace view chat_queue with (security_invoker = true) as
select c.id as chat_id,
       unanswered.created_at as waiting_since,
       c.last_operator_id,
       c.last_message_at,
       c.real_user_id,
       c.fictional_user_id,
       c.message_count,
       c.created_at,
       (select queue_paused_until()) as paused_until
  from chats as c
 cross join lateral (
   select m.created_at
     from messages as m
    where m.chat_id = c.id
      and m.sender_type::text = 'real'
      and m.created_at > coalesce(
            (select r.created_at from messages as r
              where r.chat_id = c.id and r.sender_type::text = 'fictional'
              order by r.created_at desc limit 1),
            '-infinity')
    order by m.created_at
    limit 1
 ) as unanswered
 where c.chat_state::text = 'waiting_assignment'
   and c.is_active;

comment on view chat_queue is
  'The chats that wait for an operator, each since the oldest user message that nobody has answered;
paused_until: until then nobody is given one.';
