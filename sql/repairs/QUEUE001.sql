-- Takes chats in which no user has written from the operators who were given them; they stay waiting, and wait for nobody.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with candidate as materialized (
  select c.id, c.xmin as seen
    from chats c
   where c.assigned_operator_id is not null
     and c.chat_state = 'assigned'
     and c.is_active
     and not exists (select 1 from messages m where m.chat_id = c.id and m.sender_type = 'real')
     and coalesce(c.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select c.*, true as lets_go,
         coalesce(newest.sender_type = 'fictional', false) as answered, reply.created_at as replied_at
    from chats c
    join candidate k on k.id = c.id
  left join lateral (
    select m.sender_type from messages m where m.chat_id = c.id order by m.created_at desc limit 1
  ) as newest on true
  left join lateral (
    select m.created_at, m.handled_by_operator_id from messages m
     where m.chat_id = c.id and m.sender_type = 'fictional' order by m.created_at desc limit 1
  ) as reply on true
   where c.xmin = k.seen
     for no key update of c skip locked
), changed as (
  update chats c
     set chat_state = case when l.answered then 'waiting_real_user_reply' else 'waiting_assignment' end,
         assigned_operator_id = null,
         assignment_time = null,
         operator_replied_at = case when l.answered then l.replied_at else l.operator_replied_at end,
         updated_at = now()
    from locked l
   where c.id = l.id
  returning c.*
), closed as (
  update chat_assignments a
     set released_at = case when l.answered and l.replied_at >= a.assigned_at then l.replied_at
                            else greatest(a.assigned_at, now()) end,
         release_reason = case when l.answered and l.replied_at >= a.assigned_at then 'operator_sent_message'
                               else 'manual_release:repair' end
    from locked l
   where a.chat_id = l.id and a.released_at is null and l.lets_go
  returning a.*
), idle as (
  delete from operator_activity a using locked l where a.chat_id = l.id and l.lets_go
  returning a.*
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'QUEUE001', l.id, coalesce(l.assigned_operator_id, n.last_operator_id), null::text,
         jsonb_build_object('chat_state', l.chat_state, 'is_active', l.is_active, 'assigned_operator_id', l.assigned_operator_id,
                            'assignment_time', l.assignment_time, 'last_operator_id', l.last_operator_id,
                            'operator_replied_at', l.operator_replied_at),
         jsonb_build_object('chat_state', n.chat_state, 'is_active', n.is_active, 'assigned_operator_id', n.assigned_operator_id,
                            'assignment_time', n.assignment_time, 'last_operator_id', n.last_operator_id,
                            'operator_replied_at', n.operator_replied_at)
    from locked l
    join changed n on n.id = l.id
  union all
  select 'repair', 'QUEUE001', a.chat_id, a.operator_id, 'chat_assignments ' || a.id,
         jsonb_build_object('released_at', null),
         jsonb_build_object('released_at', a.released_at, 'release_reason', a.release_reason)
    from closed a
  union all
  select 'repair', 'QUEUE001', a.chat_id, a.operator_id, 'operator_activity', jsonb_build_object('last_activity', a.last_activity), null
    from idle a
)
select count(*) from changed
