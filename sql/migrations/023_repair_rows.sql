-- Mends the rows that the faults have left: the text of each statement is that of sql/repairs, each change is in the log.
-- chatops: batched
-- effect: mends existing rows in batches; every change is logged
--
-- States first, then who holds what, then what follows from it. A row that somebody has locked is passed over and mended
-- by `chatops repair` later. Each row is marked as a repair's (chatops.write), so that the guards let it pass.

-- CONF001
-- Stores the settings of the chat functions as whole numbers.
-- A number that was stored as text stays what it says; what is no number, or out of range, becomes the default.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with candidate as materialized (
  select p.key, p.xmin as seen,
         case when said.number between known.least and known.most then round(said.number) else known.usual end as number
    from (values ('max_reassignments', 1, 1000, 3),
                 ('idle_timeout_minutes', 1, 1440, 5),
                 ('own_chat_after_seconds', 0, 604800, 300),
                 ('queue_sla_minutes', 1, 10080, 15)) as known (key, least, most, usual)
    join platform_config p on p.key = known.key
   cross join lateral (
     select case when length(p.value #>> '{}') < 20 and (p.value #>> '{}') ~ '^\s*-?[0-9]+(\.[0-9]+)?\s*$'
                 then (p.value #>> '{}')::numeric end as number
   ) as said
   where nullif(current_setting('chatops.only_chat', true), '') is null
     and (jsonb_typeof(p.value) is distinct from 'number'
          or said.number is null
          or said.number <> trunc(said.number)
          or said.number not between known.least and known.most)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select p.key, p.value, k.number
    from platform_config p
    join candidate k on k.key = p.key
   where p.xmin = k.seen
     for no key update of p skip locked
), changed as (
  update platform_config p
     set value = to_jsonb(l.number)
    from locked l
   where p.key = l.key
  returning p.key, p.value
), logged as (
  insert into chatops.actions (action, code, row_id, before, after)
  select 'repair', 'CONF001', 'platform_config ' || n.key, jsonb_build_object('value', l.value), jsonb_build_object('value', n.value)
    from changed n
    join locked l on l.key = n.key
)
select count(*) from changed
;

-- CHAT003
-- Makes state and operator of a chat agree.
-- Waiting, or without a state, with an operator who is active, has the open assignment, holds nothing else and was not the last
-- to write: the operator is working on it, so it is assigned. Otherwise nobody holds it: not active is completed, answered is
-- waiting for the user, everything else is waiting for an operator; open assignments are closed and heartbeats removed.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with wrong as materialized (
  select c.id, c.xmin as seen, c.assigned_operator_id, c.assignment_time,
         c.assigned_operator_id is not null
         and c.is_active is not false
         and (c.chat_state is null or c.chat_state = 'waiting_assignment')
         and exists (select 1 from operators o where o.id = c.assigned_operator_id and o.is_active)
         and exists (select 1 from chat_assignments a
                      where a.chat_id = c.id and a.operator_id = c.assigned_operator_id and a.released_at is null)
         and not exists (select 1 from chats h
                          where h.assigned_operator_id = c.assigned_operator_id and h.chat_state = 'assigned'
                            and h.is_active is not false)
         and coalesce((select m.sender_type from messages m where m.chat_id = c.id
                        order by m.created_at desc limit 1), 'real') = 'real' as may_keep
    from chats c
   where c.chat_state is null or (c.chat_state = 'assigned') <> (c.assigned_operator_id is not null)
), ranked as materialized (
  -- Of several such chats of one operator only the newest can be the one.
  select w.id, w.seen,
         w.may_keep and row_number() over (partition by w.assigned_operator_id, w.may_keep
                                           order by w.assignment_time desc nulls last, w.id) = 1 as keeps
    from wrong w
), candidate as materialized (
  select r.id, r.seen, r.keeps from ranked r
   where coalesce(r.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   order by r.id
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select c.*, k.keeps, not k.keeps as lets_go,
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
     set chat_state = case when l.keeps then 'assigned'
                           when l.is_active is false or l.chat_state = 'completed' then 'completed'
                           when l.answered then 'waiting_real_user_reply'
                           else 'waiting_assignment' end,
         assigned_operator_id = case when l.keeps then l.assigned_operator_id end,
         assignment_time = case when l.keeps then coalesce(l.assignment_time, now()) end,
         operator_replied_at = case when not l.keeps and l.answered then l.replied_at else l.operator_replied_at end,
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
  select 'repair', 'CHAT003', l.id, coalesce(l.assigned_operator_id, n.last_operator_id), null::text,
         jsonb_build_object('chat_state', l.chat_state, 'is_active', l.is_active, 'assigned_operator_id', l.assigned_operator_id,
                            'assignment_time', l.assignment_time, 'last_operator_id', l.last_operator_id,
                            'operator_replied_at', l.operator_replied_at),
         jsonb_build_object('chat_state', n.chat_state, 'is_active', n.is_active, 'assigned_operator_id', n.assigned_operator_id,
                            'assignment_time', n.assignment_time, 'last_operator_id', n.last_operator_id,
                            'operator_replied_at', n.operator_replied_at)
    from locked l
    join changed n on n.id = l.id
  union all
  select 'repair', 'CHAT003', a.chat_id, a.operator_id, 'chat_assignments ' || a.id,
         jsonb_build_object('released_at', null),
         jsonb_build_object('released_at', a.released_at, 'release_reason', a.release_reason)
    from closed a
  union all
  select 'repair', 'CHAT003', a.chat_id, a.operator_id, 'operator_activity', jsonb_build_object('last_activity', a.last_activity), null
    from idle a
)
select count(*) from changed
;

-- CHAT011
-- Makes the end of a chat whole: completed and not active go together.
-- Not active: completed, nobody holds it. Completed: not active. Without the flag: active unless completed. Open assignments of
-- an ended chat are closed and heartbeats removed.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with candidate as materialized (
  select c.id, c.xmin as seen
    from chats c
   where (c.is_active is null or (c.chat_state = 'completed') = c.is_active)
     and coalesce(c.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select c.*, c.is_active is false or c.chat_state = 'completed' as lets_go,
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
     set chat_state = case when coalesce(l.lets_go, false) then 'completed' else l.chat_state end,
         is_active = not coalesce(l.lets_go, false),
         assigned_operator_id = case when coalesce(l.lets_go, false) then null else l.assigned_operator_id end,
         assignment_time = case when coalesce(l.lets_go, false) then null else l.assignment_time end,
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
  select 'repair', 'CHAT011', l.id, coalesce(l.assigned_operator_id, n.last_operator_id), null::text,
         jsonb_build_object('chat_state', l.chat_state, 'is_active', l.is_active, 'assigned_operator_id', l.assigned_operator_id,
                            'assignment_time', l.assignment_time, 'last_operator_id', l.last_operator_id,
                            'operator_replied_at', l.operator_replied_at),
         jsonb_build_object('chat_state', n.chat_state, 'is_active', n.is_active, 'assigned_operator_id', n.assigned_operator_id,
                            'assignment_time', n.assignment_time, 'last_operator_id', n.last_operator_id,
                            'operator_replied_at', n.operator_replied_at)
    from locked l
    join changed n on n.id = l.id
  union all
  select 'repair', 'CHAT011', a.chat_id, a.operator_id, 'chat_assignments ' || a.id,
         jsonb_build_object('released_at', null),
         jsonb_build_object('released_at', a.released_at, 'release_reason', a.release_reason)
    from closed a
  union all
  select 'repair', 'CHAT011', a.chat_id, a.operator_id, 'operator_activity', jsonb_build_object('last_activity', a.last_activity), null
    from idle a
)
select count(*) from changed
;

-- CHAT001
-- Leaves an operator who holds several chats the one they are active on; the others go back.
-- Kept: an assigned chat before others, then the newest heartbeat, then the newest assignment. Each other chat goes where its
-- messages say: to the queue when the user spoke last, to waiting for the user when it was answered; its open assignment is
-- closed and its heartbeat removed.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with held as materialized (
  select c.id, c.xmin as seen,
         row_number() over (
           partition by c.assigned_operator_id
           order by (c.chat_state = 'assigned') desc nulls last,
                    (select max(a.last_activity) from operator_activity a
                      where a.chat_id = c.id and a.operator_id = c.assigned_operator_id) desc nulls last,
                    c.assignment_time desc nulls last, c.id) as place
    from chats c
   where c.is_active is not false
     and c.assigned_operator_id in (
           select d.assigned_operator_id from chats d
            where d.assigned_operator_id is not null and d.is_active is not false
            group by d.assigned_operator_id having count(*) > 1)
), candidate as materialized (
  select h.id, h.seen from held h
   where h.place > 1 and coalesce(h.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   order by h.id
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select c.*, true as lets_go, coalesce(newest.sender_type = 'fictional', false) as answered, reply.created_at as replied_at
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
     set chat_state = case when l.is_active is false then 'completed'
                           when l.answered then 'waiting_real_user_reply'
                           else 'waiting_assignment' end,
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
  select 'repair', 'CHAT001', l.id, coalesce(l.assigned_operator_id, n.last_operator_id), null::text,
         jsonb_build_object('chat_state', l.chat_state, 'is_active', l.is_active, 'assigned_operator_id', l.assigned_operator_id,
                            'assignment_time', l.assignment_time, 'last_operator_id', l.last_operator_id,
                            'operator_replied_at', l.operator_replied_at),
         jsonb_build_object('chat_state', n.chat_state, 'is_active', n.is_active, 'assigned_operator_id', n.assigned_operator_id,
                            'assignment_time', n.assignment_time, 'last_operator_id', n.last_operator_id,
                            'operator_replied_at', n.operator_replied_at)
    from locked l
    join changed n on n.id = l.id
  union all
  select 'repair', 'CHAT001', a.chat_id, a.operator_id, 'chat_assignments ' || a.id,
         jsonb_build_object('released_at', null),
         jsonb_build_object('released_at', a.released_at, 'release_reason', a.release_reason)
    from closed a
  union all
  select 'repair', 'CHAT001', a.chat_id, a.operator_id, 'operator_activity', jsonb_build_object('last_activity', a.last_activity), null
    from idle a
)
select count(*) from changed
;

-- CHAT002
-- Leaves a chat the newest open assignment of its holder and closes the others.
-- Each ends with its operator's reply, else where the next one began; nobody's heartbeat but the holder's stays.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with wrong as materialized (
  select a.id, a.xmin as seen, a.chat_id, a.assigned_at
    from chat_assignments a
    join chats c on c.id = a.chat_id
   where a.released_at is null
     and a.chat_id in (select b.chat_id from chat_assignments b where b.released_at is null
                        group by b.chat_id having count(*) > 1)
     and a.id is distinct from (
           select h.id from chat_assignments h
            where h.chat_id = a.chat_id and h.released_at is null and h.operator_id = c.assigned_operator_id
            order by h.assigned_at desc, h.id limit 1)
), candidate as materialized (
  -- It ended where the next assignment of the chat began; at once where another one already stood, so that none overlap.
  select w.id, w.seen, c.id as chat_id, c.xmin as chat_seen,
         greatest(w.assigned_at, least(now(), (
           select min(case when e.assigned_at > w.assigned_at then e.assigned_at else w.assigned_at end)
             from chat_assignments e
            where e.chat_id = w.chat_id and e.id <> w.id
              and (e.assigned_at > w.assigned_at
                   or (coalesce(e.released_at, 'infinity') > w.assigned_at
                       and not exists (select 1 from wrong v where v.id = e.id))
                   or (e.assigned_at = w.assigned_at and e.id < w.id))))) as ended_at
    from wrong w
    join chats c on c.id = w.chat_id
   where coalesce(w.chat_id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   order by w.chat_id, w.assigned_at
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select a.id, a.chat_id, a.operator_id, a.assigned_at, k.ended_at,
         (select min(m.created_at) from messages m
           where m.chat_id = a.chat_id and m.sender_type = 'fictional' and m.handled_by_operator_id = a.operator_id
             and m.created_at between a.assigned_at and k.ended_at) as answered_at
    from chat_assignments a
    join candidate k on k.id = a.id
    join chats c on c.id = k.chat_id
   where a.xmin = k.seen and c.xmin = k.chat_seen and a.released_at is null
     for no key update of c, a skip locked
), changed as (
  update chat_assignments a
     set released_at = coalesce(l.answered_at, l.ended_at),
         release_reason = case when l.answered_at is not null then 'operator_sent_message' else 'manual_release:repair' end
    from locked l
   where a.id = l.id
  returning a.*
), idle as (
  delete from operator_activity v
   using locked l, chats c
   where v.chat_id = l.chat_id and v.operator_id = l.operator_id
     and c.id = l.chat_id and c.assigned_operator_id is distinct from l.operator_id
  returning v.*
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'CHAT002', n.chat_id, n.operator_id, 'chat_assignments ' || n.id,
         jsonb_build_object('released_at', null),
         jsonb_build_object('released_at', n.released_at, 'release_reason', n.release_reason)
    from changed n
  union all
  select 'repair', 'CHAT002', v.chat_id, v.operator_id, 'operator_activity', jsonb_build_object('last_activity', v.last_activity), null
    from idle v
)
select count(*) from changed
;

-- CHAT004
-- Closes open assignments of operators who do not hold the chat.
-- Each ends with its operator's reply, else where the next one began, else now; their heartbeat goes too.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with wrong as materialized (
  select a.id, a.xmin as seen, a.chat_id, a.assigned_at
    from chat_assignments a
    join chats c on c.id = a.chat_id
   where a.released_at is null
     and a.operator_id is distinct from c.assigned_operator_id
), candidate as materialized (
  -- It ended where the next assignment of the chat began; at once where another one already stood, so that none overlap.
  select w.id, w.seen, c.id as chat_id, c.xmin as chat_seen,
         greatest(w.assigned_at, least(now(), (
           select min(case when e.assigned_at > w.assigned_at then e.assigned_at else w.assigned_at end)
             from chat_assignments e
            where e.chat_id = w.chat_id and e.id <> w.id
              and (e.assigned_at > w.assigned_at
                   or (coalesce(e.released_at, 'infinity') > w.assigned_at
                       and not exists (select 1 from wrong v where v.id = e.id))
                   or (e.assigned_at = w.assigned_at and e.id < w.id))))) as ended_at
    from wrong w
    join chats c on c.id = w.chat_id
   where coalesce(w.chat_id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   order by w.chat_id, w.assigned_at
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select a.id, a.chat_id, a.operator_id, a.assigned_at, k.ended_at,
         (select min(m.created_at) from messages m
           where m.chat_id = a.chat_id and m.sender_type = 'fictional' and m.handled_by_operator_id = a.operator_id
             and m.created_at between a.assigned_at and k.ended_at) as answered_at
    from chat_assignments a
    join candidate k on k.id = a.id
    join chats c on c.id = k.chat_id
   where a.xmin = k.seen and c.xmin = k.chat_seen and a.released_at is null
     for no key update of c, a skip locked
), changed as (
  update chat_assignments a
     set released_at = coalesce(l.answered_at, l.ended_at),
         release_reason = case when l.answered_at is not null then 'operator_sent_message' else 'manual_release:repair' end
    from locked l
   where a.id = l.id
  returning a.*
), idle as (
  delete from operator_activity v
   using locked l, chats c
   where v.chat_id = l.chat_id and v.operator_id = l.operator_id
     and c.id = l.chat_id and c.assigned_operator_id is distinct from l.operator_id
  returning v.*
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'CHAT004', n.chat_id, n.operator_id, 'chat_assignments ' || n.id,
         jsonb_build_object('released_at', null),
         jsonb_build_object('released_at', n.released_at, 'release_reason', n.release_reason)
    from changed n
  union all
  select 'repair', 'CHAT004', v.chat_id, v.operator_id, 'operator_activity', jsonb_build_object('last_activity', v.last_activity), null
    from idle v
)
select count(*) from changed
;

-- CHAT005
-- Opens the missing assignment of a chat's holder.
-- It begins at the chat's assignment time, but not before the end of the assignment that came before it.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with candidate as materialized (
  select c.id, c.xmin as seen
    from chats c
   where c.chat_state = 'assigned'
     and c.assigned_operator_id is not null
     and c.is_active is not false
     and coalesce(c.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
     and not exists (select 1 from chat_assignments a
                      where a.chat_id = c.id and a.released_at is null and a.operator_id = c.assigned_operator_id)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select c.*,
         greatest(least(coalesce(c.assignment_time, c.updated_at, now()), now()),
                  (select max(a.released_at) from chat_assignments a
                    where a.chat_id = c.id and a.released_at <= now())) as began_at
    from chats c
    join candidate k on k.id = c.id
   where c.xmin = k.seen
     for no key update of c skip locked
), changed as (
  insert into chat_assignments (chat_id, operator_id, assigned_at)
  select l.id, l.assigned_operator_id, l.began_at from locked l
  returning *
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'CHAT005', n.chat_id, n.operator_id, 'chat_assignments ' || n.id, null,
         jsonb_build_object('assigned_at', n.assigned_at, 'released_at', n.released_at)
    from changed n
)
select count(*) from changed
;

-- CHAT006
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
;

-- CHAT007
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
;

-- QUEUE001
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
;

-- CHAT008
-- Removes heartbeats of operators who do not hold the chat.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with candidate as materialized (
  select a.ctid as place, a.xmin as seen, c.id as chat_id, c.xmin as chat_seen
    from operator_activity a
    join chats c on c.id = a.chat_id
   where a.operator_id is distinct from c.assigned_operator_id
     and coalesce(a.chat_id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select a.chat_id, a.operator_id
    from operator_activity a
    join candidate k on k.place = a.ctid
    join chats c on c.id = k.chat_id
   where a.xmin = k.seen and c.xmin = k.chat_seen
     for no key update of c, a skip locked
), changed as (
  delete from operator_activity a using locked l where a.chat_id = l.chat_id and a.operator_id = l.operator_id
  returning a.*
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'CHAT008', n.chat_id, n.operator_id, 'operator_activity', jsonb_build_object('last_activity', n.last_activity), null
    from changed n
)
select count(*) from changed
;

-- CHAT012
-- Opens a chat again that the reassignment limit closed while its user goes on writing: it waits for an operator.
-- The limit is chatops.max_reassignments if set, else platform_config, else 3.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with reassignment_limit as materialized (
  select coalesce(nullif(current_setting('chatops.max_reassignments', true), '')::numeric,
                  (select case when length(p.value #>> '{}') < 20 and (p.value #>> '{}') ~ '^\s*[0-9]+(\.[0-9]+)?\s*$'
                                and (p.value #>> '{}')::numeric between 1 and 1000
                               then (p.value #>> '{}')::numeric end
                     from platform_config p where p.key = 'max_reassignments'),
                  3) as times
), candidate as materialized (
  select c.id, c.xmin as seen
    from chats c
   cross join lateral (
     select max(a.released_at) as released_at, count(*) as closed, bool_or(a.released_at is null) as any_open,
            (array_agg(a.release_reason order by a.released_at desc, a.assigned_at desc))[1] as release_reason
       from chat_assignments a where a.chat_id = c.id
   ) as ended
   where c.chat_state = 'completed'
     and c.assigned_operator_id is null
     and coalesce(c.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
     and c.id in (select b.chat_id from chat_assignments b join chats d on d.id = b.chat_id
                   where d.chat_state = 'completed' and b.released_at < d.last_message_at
                     and b.release_reason is distinct from 'operator_sent_message')
     and not ended.any_open
     and ended.closed >= (select times from reassignment_limit)
     and ended.release_reason is distinct from 'operator_sent_message'
     and exists (select 1 from messages m
                  where m.chat_id = c.id and m.sender_type = 'real' and m.created_at > ended.released_at)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select c.*
    from chats c
    join candidate k on k.id = c.id
   where c.xmin = k.seen
     for no key update of c skip locked
), changed as (
  update chats c
     set chat_state = 'waiting_assignment', is_active = true, updated_at = now()
    from locked l
   where c.id = l.id
  returning c.*
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'CHAT012', l.id, coalesce(l.assigned_operator_id, n.last_operator_id), null::text,
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
;

-- CHAT014
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
;

-- OPER001
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
;

-- DATA001
-- Sets counters to what they count: the messages of a chat, the replies of an operator.
--
-- Chats with a message since chatops.since (24 hours if not set), operators in full. One batch: the rows are found, locked
-- without waiting and compared again by their version; whoever is busy comes next time.
with chat_candidate as materialized (
  select c.id, c.xmin as seen, source.messages
    from chats c
   cross join lateral (select count(*) as messages from messages m where m.chat_id = c.id) as source
   where c.last_message_at >= now() - coalesce(nullif(current_setting('chatops.since', true), ''), '24 hours')::interval
     and coalesce(c.message_count, 0) <> source.messages
     and coalesce(c.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), chat as materialized (
  select c.id, c.message_count, k.messages
    from chats c
    join chat_candidate k on k.id = c.id
   where c.xmin = k.seen
     for no key update of c skip locked
), operator_candidate as materialized (
  select o.id, o.xmin as seen, coalesce(source.messages, 0) as messages
    from operators o
    left join (
      select m.handled_by_operator_id, count(*) as messages
        from messages m
       where m.handled_by_operator_id is not null
       group by m.handled_by_operator_id
    ) as source on source.handled_by_operator_id = o.id
   where coalesce(o.total_messages, 0) <> coalesce(source.messages, 0)
     and nullif(current_setting('chatops.only_chat', true), '') is null
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), operator as materialized (
  select o.id, o.total_messages, k.messages
    from operators o
    join operator_candidate k on k.id = o.id
   where o.xmin = k.seen
     for no key update of o skip locked
), changed_chat as (
  update chats c set message_count = h.messages from chat h where c.id = h.id
  returning c.id, c.message_count
), changed_operator as (
  update operators o set total_messages = h.messages from operator h where o.id = h.id
  returning o.id, o.total_messages
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'DATA001', n.id, null::uuid, null::text,
         jsonb_build_object('message_count', h.message_count), jsonb_build_object('message_count', n.message_count)
    from changed_chat n join chat h on h.id = n.id
  union all
  select 'repair', 'DATA001', null, n.id, 'operators',
         jsonb_build_object('total_messages', h.total_messages), jsonb_build_object('total_messages', n.total_messages)
    from changed_operator n join operator h on h.id = n.id
)
select (select count(*) from changed_chat) + (select count(*) from changed_operator)
;

-- DATA002
-- Sets clocks that are ahead to now, and lets no assignment end before it began.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with late as materialized (
  select now() + interval '1 minute' as latest
), heartbeat as materialized (
  select a.chat_id, a.operator_id, a.last_activity
    from operator_activity a
   where a.last_activity > (select latest from late) and coalesce(a.chat_id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
     for no key update of a skip locked
), operator as materialized (
  select o.id, o.last_activity
    from operators o
   where o.last_activity > (select latest from late) and nullif(current_setting('chatops.only_chat', true), '') is null
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
     for no key update of o skip locked
), chat as materialized (
  select c.id, c.assigned_operator_id, c.assignment_time, c.operator_replied_at, c.last_message_at
    from chats c
   where greatest(c.assignment_time, c.operator_replied_at, c.last_message_at) > (select latest from late)
     and coalesce(c.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
     for no key update of c skip locked
), assignment as materialized (
  select s.id, s.chat_id, s.operator_id, s.assigned_at, s.released_at
    from chat_assignments s
   where (s.released_at < s.assigned_at or greatest(s.assigned_at, s.released_at) > (select latest from late))
     and coalesce(s.chat_id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
     for no key update of s skip locked
), changed_heartbeat as (
  update operator_activity a set last_activity = now()
    from heartbeat h where a.chat_id = h.chat_id and a.operator_id = h.operator_id
  returning a.chat_id, a.operator_id, a.last_activity
), changed_operator as (
  update operators o set last_activity = now() from operator h where o.id = h.id
  returning o.id, o.last_activity
), changed_chat as (
  update chats c
     set assignment_time = least(c.assignment_time, now()),
         operator_replied_at = least(c.operator_replied_at, now()),
         last_message_at = least(c.last_message_at, now())
    from chat h where c.id = h.id
  returning c.id, c.assigned_operator_id, c.assignment_time, c.operator_replied_at, c.last_message_at
), changed_assignment as (
  update chat_assignments s
     set assigned_at = least(s.assigned_at, now()),
         released_at = case when s.released_at is not null then greatest(least(s.released_at, now()), least(s.assigned_at, now())) end
    from assignment h where s.id = h.id
  returning s.id, s.chat_id, s.operator_id, s.assigned_at, s.released_at
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'DATA002', n.chat_id, n.operator_id, 'operator_activity',
         jsonb_build_object('last_activity', h.last_activity), jsonb_build_object('last_activity', n.last_activity)
    from changed_heartbeat n join heartbeat h on h.chat_id = n.chat_id and h.operator_id = n.operator_id
  union all
  select 'repair', 'DATA002', null, n.id, 'operators',
         jsonb_build_object('last_activity', h.last_activity), jsonb_build_object('last_activity', n.last_activity)
    from changed_operator n join operator h on h.id = n.id
  union all
  select 'repair', 'DATA002', n.id, n.assigned_operator_id, null,
         jsonb_build_object('assignment_time', h.assignment_time, 'operator_replied_at', h.operator_replied_at,
                            'last_message_at', h.last_message_at),
         jsonb_build_object('assignment_time', n.assignment_time, 'operator_replied_at', n.operator_replied_at,
                            'last_message_at', n.last_message_at)
    from changed_chat n join chat h on h.id = n.id
  union all
  select 'repair', 'DATA002', n.chat_id, n.operator_id, 'chat_assignments ' || n.id,
         jsonb_build_object('assigned_at', h.assigned_at, 'released_at', h.released_at),
         jsonb_build_object('assigned_at', n.assigned_at, 'released_at', n.released_at)
    from changed_assignment n join assignment h on h.id = n.id
)
select (select count(*) from changed_heartbeat) + (select count(*) from changed_operator) + (select count(*) from changed_chat)
     + (select count(*) from changed_assignment)
;
