-- Makes the end of a chat whole: completed and not active go together.
-- Not active: completed, nobody holds it. Completed: not active. Without the flag: active unless completed. Open assignments of
-- an ended chat are closed and heartbeats removed.
--
-- order: 20
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.

select c.id as chat_id from chats c where c.is_active is null or (c.chat_state = 'completed') = c.is_active
;

with candidate as materialized (
  select c.id, c.xmin as seen, coalesce(c.is_active is false or c.chat_state = 'completed', false) as lets_go,
         coalesce(newest.answered, false) as answered, newest.spoken_at
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid)
    join chats c on c.id = f.chat_id
  left join lateral (
    select m.sender_type = 'fictional' as answered, m.created_at as spoken_at from messages m
     where m.chat_id = c.id order by m.created_at desc limit 1
  ) as newest on true
   where (c.is_active is null or (c.chat_state = 'completed') = c.is_active)
   order by c.id
), locked as materialized (
  select c.*, k.lets_go, k.answered, k.spoken_at,
         pg_catalog.jsonb_build_object('chat_state', c.chat_state, 'is_active', c.is_active,
                                    'assigned_operator_id', c.assigned_operator_id,
                            'assignment_time', c.assignment_time, 'last_operator_id', c.last_operator_id,
                            'operator_replied_at', c.operator_replied_at) as before
    from candidate k
    join chats c on c.id = k.id
   where c.xmin = k.seen
     for no key update of c skip locked
), changed as (
  update chats c
     set chat_state = case when l.lets_go then 'completed' else l.chat_state end,
         is_active = not l.lets_go,
         assigned_operator_id = case when l.lets_go then null else l.assigned_operator_id end,
         assignment_time = case when l.lets_go then null else l.assignment_time end,
         updated_at = pg_catalog.now()
    from locked l
   where c.id = l.id
  returning c.id, c.last_operator_id, l.assigned_operator_id as held_by, l.before,
            pg_catalog.jsonb_build_object('chat_state', c.chat_state, 'is_active', c.is_active,
                                       'assigned_operator_id', c.assigned_operator_id,
                               'assignment_time', c.assignment_time, 'last_operator_id', c.last_operator_id,
                               'operator_replied_at', c.operator_replied_at) as after
), closed as (
  update chat_assignments a
     set released_at = case when l.answered and l.spoken_at >= a.assigned_at then l.spoken_at
                            else greatest(a.assigned_at, pg_catalog.now()) end,
         release_reason = case when l.answered and l.spoken_at >= a.assigned_at then 'operator_sent_message'
                               else 'manual_release:repair' end
    from locked l
   where a.chat_id = l.id and a.released_at is null and l.lets_go
  returning a.*
), idle as (
  delete from operator_activity a using locked l where a.chat_id = l.id and l.lets_go
  returning a.*
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'CHAT011', n.id, coalesce(n.held_by, n.last_operator_id), null::text, n.before, n.after
    from changed n
  union all
  select 'repair', 'CHAT011', a.chat_id, a.operator_id, 'chat_assignments '::text || a.id::text,
         pg_catalog.jsonb_build_object('released_at', null),
         pg_catalog.jsonb_build_object('released_at', a.released_at, 'release_reason', a.release_reason)
    from closed a
  union all
  select 'repair', 'CHAT011', a.chat_id, a.operator_id, 'operator_activity',
  pg_catalog.jsonb_build_object('last_activity', a.last_activity), null
    from idle a
)
select pg_catalog.jsonb_build_object(
         'mended', (select pg_catalog.count(*) from changed),
         'busy', (select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('chat_id', k.id)), '[]')
                    from candidate k where not exists (select from locked l where l.id = k.id)));
