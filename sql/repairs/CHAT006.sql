-- Puts a chat that waits for its user, although the user spoke last, back into the queue.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with newest as materialized (
  -- One pass over the messages, as in the check.
  select m.chat_id
    from (select chat_id, sender_type, created_at from messages offset 0) as m
    join chats d on d.id = m.chat_id
   where d.chat_state = 'waiting_real_user_reply'
     and d.is_active is not false
     and m.created_at >= coalesce(d.last_message_at - interval '1 minute', '-infinity')
   group by m.chat_id
  having max(m.created_at) filter (where m.sender_type = 'real')
         > coalesce(max(m.created_at) filter (where m.sender_type = 'fictional'), '-infinity')
), candidate as materialized (
  select c.id, c.xmin as seen
    from newest
    join chats c on c.id = newest.chat_id
   where coalesce(c.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select c.*
    from chats c
    join candidate k on k.id = c.id
   where c.xmin = k.seen
     for no key update of c skip locked
), changed as (
  update chats c
     set chat_state = 'waiting_assignment', assigned_operator_id = null, assignment_time = null, updated_at = now()
    from locked l
   where c.id = l.id
  returning c.*
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'CHAT006', l.id, coalesce(l.assigned_operator_id, n.last_operator_id), null::text,
         jsonb_build_object('chat_state', l.chat_state, 'is_active', l.is_active, 'assigned_operator_id', l.assigned_operator_id,
                            'assignment_time', l.assignment_time, 'last_operator_id', l.last_operator_id,
                            'operator_replied_at', l.operator_replied_at),
         jsonb_build_object('chat_state', n.chat_state, 'is_active', n.is_active, 'assigned_operator_id', n.assigned_operator_id,
                            'assignment_time', n.assignment_time, 'last_operator_id', n.last_operator_id,
                            'operator_replied_at', n.operator_replied_at)
    from locked l
    join changed n on n.id = l.id
)
select count(*) from changed
