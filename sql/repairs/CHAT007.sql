-- Takes an answered chat out of the queue: it waits for its user since the newest reply.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with candidate as materialized (
  select c.id, c.xmin as seen, newest.created_at as replied_at, newest.handled_by_operator_id
    from chats c
   cross join lateral (
     select m.sender_type, m.created_at, m.handled_by_operator_id
       from messages m where m.chat_id = c.id order by m.created_at desc limit 1
   ) as newest
   where c.chat_state = 'waiting_assignment'
     and c.assigned_operator_id is null
     and c.is_active is not false
     and newest.sender_type = 'fictional'
     and coalesce(c.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select c.*, k.replied_at, k.handled_by_operator_id
    from chats c
    join candidate k on k.id = c.id
   where c.xmin = k.seen
     for no key update of c skip locked
), changed as (
  update chats c
     set chat_state = 'waiting_real_user_reply',
         operator_replied_at = l.replied_at,
         last_operator_id = coalesce(l.handled_by_operator_id, l.last_operator_id),
         updated_at = now()
    from locked l
   where c.id = l.id
  returning c.*
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'CHAT007', l.id, coalesce(l.assigned_operator_id, n.last_operator_id), null::text,
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
