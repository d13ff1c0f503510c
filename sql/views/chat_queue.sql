-- The chats that wait for an operator, each since the oldest user message that nobody has answered; no empty chats.
-- needs: queue_paused_until
-- A database without the queue's clocks takes the variant beside this file, which reads the same from the messages.
create or replace view chat_queue with (security_invoker = true) as
select c.id as chat_id,
       c.waiting_since,
       c.last_operator_id,
       c.last_message_at,
       c.real_user_id,
       c.fictional_user_id,
       c.message_count,
       c.created_at,
       (select queue_paused_until()) as paused_until
  from chats as c
 where c.chat_state::text = 'waiting_assignment'
   and c.is_active
   and c.waiting_since is not null;

comment on view chat_queue is
  'The chats that wait for an operator, each since the oldest user message that nobody has answered;
paused_until: until then nobody is given one.';
