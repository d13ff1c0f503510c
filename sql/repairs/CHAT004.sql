-- Closes open assignments of operators who do not hold the chat.
-- Each ends with its operator's reply, else where the next one began, else now; their heartbeat goes too. An application that let
-- the chat go less than 5 seconds ago is about to close its row itself, with the reason.
--
-- order: 80
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.

select a.chat_id
  from chat_assignments a
  join chats c on c.id = a.chat_id
 where a.released_at is null
   and a.operator_id is distinct from c.assigned_operator_id
   and (c.assigned_operator_id is not null
        or coalesce((pg_catalog.to_jsonb(c) ->> 'state_since')::timestamptz < pg_catalog.now() - interval '5 seconds', true))
 order by a.chat_id
;

with wrong as materialized (
  select a.id, a.xmin as seen, a.chat_id, a.operator_id, a.assigned_at, c.xmin as chat_seen
    from chats c
    join chat_assignments a on a.chat_id = c.id
   where c.id in (select f.chat_id from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid))
     and a.released_at is null
     and a.operator_id is distinct from c.assigned_operator_id
     and (c.assigned_operator_id is not null
          or coalesce((pg_catalog.to_jsonb(c) ->> 'state_since')::timestamptz < pg_catalog.now() - interval '5 seconds', true))
), candidate as materialized (
  -- It ended where the next assignment of the chat began; at once where another one already stood, so that none overlap.
  select w.id, w.seen, w.chat_id, w.chat_seen, ended.at as ended_at, answered.at as answered_at
    from wrong w
   cross join lateral (
     select greatest(w.assigned_at,
                        least(pg_catalog.now(), pg_catalog.min(case when e.assigned_at > w.assigned_at then e.assigned_at else w.assigned_at end))) as at
       from chat_assignments e
      where e.chat_id = w.chat_id and e.id <> w.id
        and (e.assigned_at > w.assigned_at
             or (coalesce(e.released_at, 'infinity') > w.assigned_at
                 and not exists (select 1 from wrong v where v.id = e.id))
             or (e.assigned_at = w.assigned_at and e.id < w.id))
   ) as ended
   cross join lateral (
     select pg_catalog.min(m.created_at) as at from messages m
      where m.chat_id = w.chat_id and m.sender_type = 'fictional' and m.handled_by_operator_id = w.operator_id
        and m.created_at between w.assigned_at and ended.at
   ) as answered
   order by w.chat_id, w.id
), locked as materialized (
  select a.id, a.chat_id, a.operator_id, k.ended_at, k.answered_at
    from candidate k
    join chats c on c.id = k.chat_id
    join chat_assignments a on a.id = k.id
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
  select 'repair', 'CHAT004', n.chat_id, n.operator_id, 'chat_assignments '::text || n.id::text,
         pg_catalog.jsonb_build_object('released_at', null),
         pg_catalog.jsonb_build_object('released_at', n.released_at, 'release_reason', n.release_reason)
    from changed n
  union all
  select 'repair', 'CHAT004', v.chat_id, v.operator_id, 'operator_activity',
  pg_catalog.jsonb_build_object('last_activity', v.last_activity), null
    from idle v
)
select pg_catalog.jsonb_build_object(
         'mended', (select pg_catalog.count(*) from changed),
         'busy', (select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('chat_id', k.chat_id)), '[]')
                    from candidate k where not exists (select from locked l where l.id = k.id)));
