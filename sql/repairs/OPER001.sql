-- Takes chats from operators who are inactive or silent beyond the idle timeout; each goes where its messages say.
-- The open assignment is closed as idle_timeout (silent) or manual_release (inactive), or as answered when it was; the operator is
-- remembered as the last one. The timeout is chatops.idle_timeout_minutes if set, else platform_config, else 5 minutes; 2 minutes
-- of grace.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with idle_limit as materialized (
  select make_interval(secs => 60 * (
           coalesce(nullif(current_setting('chatops.idle_timeout_minutes', true), '')::double precision,
                    (select case when length(p.value #>> '{}') < 20 and (p.value #>> '{}') ~ '^\s*[0-9]+(\.[0-9]+)?\s*$'
                                  and (p.value #>> '{}')::double precision between 0.1 and 1440
                                 then (p.value #>> '{}')::double precision end
                       from platform_config p where p.key = 'idle_timeout_minutes'),
                    5)
           + coalesce(nullif(current_setting('chatops.idle_grace_minutes', true), '')::double precision, 2))) as span
), candidate as materialized (
  select c.id, c.xmin as seen, o.is_active is true as operator_active
    from chats c
    left join operators o on o.id = c.assigned_operator_id
   cross join idle_limit
   where c.assigned_operator_id is not null
     and c.chat_state = 'assigned'
     and c.is_active is not false
     and coalesce(c.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
     and (o.is_active is not true
          or coalesce(greatest(
               case when c.assignment_time <= now() + interval '1 minute' then c.assignment_time end,
               case when o.last_activity <= now() + interval '1 minute' then o.last_activity end,
               (select max(a.last_activity) from operator_activity a
                 where a.chat_id = c.id and a.operator_id = c.assigned_operator_id
                   and a.last_activity <= now() + interval '1 minute')), '-infinity') < now() - idle_limit.span)
   order by c.id
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select c.*, true as lets_go, k.operator_active,
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
         last_operator_id = coalesce(l.assigned_operator_id, l.last_operator_id),
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
                               else case when l.operator_active then 'idle_timeout' else 'manual_release:repair' end end
    from locked l
   where a.chat_id = l.id and a.released_at is null and l.lets_go
  returning a.*
), idle as (
  delete from operator_activity a using locked l where a.chat_id = l.id and l.lets_go
  returning a.*
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'OPER001', l.id, coalesce(l.assigned_operator_id, n.last_operator_id), null::text,
         jsonb_build_object('chat_state', l.chat_state, 'is_active', l.is_active, 'assigned_operator_id', l.assigned_operator_id,
                            'assignment_time', l.assignment_time, 'last_operator_id', l.last_operator_id,
                            'operator_replied_at', l.operator_replied_at),
         jsonb_build_object('chat_state', n.chat_state, 'is_active', n.is_active, 'assigned_operator_id', n.assigned_operator_id,
                            'assignment_time', n.assignment_time, 'last_operator_id', n.last_operator_id,
                            'operator_replied_at', n.operator_replied_at)
    from locked l
    join changed n on n.id = l.id
  union all
  select 'repair', 'OPER001', a.chat_id, a.operator_id, 'chat_assignments ' || a.id,
         jsonb_build_object('released_at', null),
         jsonb_build_object('released_at', a.released_at, 'release_reason', a.release_reason)
    from closed a
  union all
  select 'repair', 'OPER001', a.chat_id, a.operator_id, 'operator_activity', jsonb_build_object('last_activity', a.last_activity), null
    from idle a
)
select count(*) from changed
