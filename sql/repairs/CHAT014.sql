-- Writes the author of the newest reply into chats.last_operator_id.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with reply as materialized (
  -- One pass over the messages for the many chats that wait for their user (`offset 0` keeps the planner to it), a look at the others.
  select k.chat_id, k.handled_by_operator_id, k.created_at
    from (
      select m.id, m.chat_id, m.handled_by_operator_id, m.created_at
        from (select id, chat_id, created_at, handled_by_operator_id from messages where sender_type = 'fictional' offset 0) as m
        join chats d on d.id = m.chat_id
       where d.chat_state = 'waiting_real_user_reply'
         and d.is_active is not false
         and d.last_operator_id is not null
         and m.handled_by_operator_id <> d.last_operator_id
         and m.created_at >= coalesce(d.last_message_at - interval '1 minute', '-infinity')
      offset 0
    ) as k
   where k.id = (select l.id from messages l where l.chat_id = k.chat_id and l.sender_type = 'fictional'
                  order by l.created_at desc limit 1)
  union all
  select d.id, newest.handled_by_operator_id, newest.created_at
    from chats d
   cross join lateral (
     select m.handled_by_operator_id, m.created_at from messages m
      where m.chat_id = d.id and m.sender_type = 'fictional' order by m.created_at desc limit 1
   ) as newest
   where d.is_active is not false
     and d.chat_state is distinct from 'completed'
     and (d.last_operator_id is null or d.chat_state is distinct from 'waiting_real_user_reply')
     and newest.handled_by_operator_id is not null
), candidate as materialized (
  select c.id, c.xmin as seen, reply.handled_by_operator_id
    from reply
    join chats c on c.id = reply.chat_id
   where c.last_operator_id is distinct from reply.handled_by_operator_id
     and coalesce(c.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
     and (c.last_operator_id is null
          or (c.last_operator_id is distinct from c.assigned_operator_id
              and not exists (
                select 1 from chat_assignments a
                 where a.chat_id = c.id and a.operator_id = c.last_operator_id
                   and coalesce(a.released_at, 'infinity') > reply.created_at)))
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select c.*, k.handled_by_operator_id
    from chats c
    join candidate k on k.id = c.id
   where c.xmin = k.seen
     for no key update of c skip locked
), changed as (
  update chats c
     set last_operator_id = l.handled_by_operator_id
    from locked l
   where c.id = l.id
  returning c.*
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'CHAT014', l.id, coalesce(l.assigned_operator_id, n.last_operator_id), null::text,
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
