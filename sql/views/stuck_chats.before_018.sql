-- The chats in which somebody waits for us, and since when: in the queue, held by an operator, or overlooked.
-- needs: chat_queue
--
-- Who asks says how long is too long. Waiting for the user is not stuck unless the user spoke last (`unanswered`);
-- without chats.waiting_since that takes one look at the newest message of each such chat.
create or replace view stuck_chats with (security_invoker = true) as
select q.chat_id,
       'waiting_assignment'::text as chat_state,
       null::uuid as operator_id,
       q.last_operator_id,
       q.waiting_since as since,
       'waiting'::text as reason,
       q.last_message_at,
       q.paused_until
  from chat_queue as q
union all
select c.id, c.chat_state::text, c.assigned_operator_id, c.last_operator_id,
       coalesce(c.assignment_time, c.updated_at, c.created_at), 'assigned', c.last_message_at, null
  from chats as c
 where c.chat_state::text = 'assigned'
   and c.is_active
   and c.assigned_operator_id is not null
union all
select c.id, c.chat_state::text, c.assigned_operator_id, c.last_operator_id,
       unanswered.created_at, 'unanswered', c.last_message_at, null
  from chats as c
 cross join lateral (
   select m.sender_type from messages as m where m.chat_id = c.id order by m.created_at desc limit 1
 ) as newest
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
 where c.chat_state::text = 'waiting_real_user_reply'
   and c.is_active
   and newest.sender_type::text = 'real';

comment on view stuck_chats is
  'The chats in which somebody waits for us, and since when: waiting, assigned, or unanswered (overlooked); paused_until:
until then nobody is given what waits.';
