-- Ends open assignments that are wrong: with their operator's reply, else where the next one of the chat began.
-- The last of it is what the batch answers. wrong: the assignments with code, seen and chat_seen (their versions), chat_id, operator_id, assigned_at
candidate as materialized (
  -- It ended where the next assignment of the chat began; at once where another one already stood, so that none overlap.
  select w.id, w.seen, w.code, w.chat_id, w.chat_seen, ended.at as ended_at, answered.at as answered_at
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
      where m.chat_id = w.chat_id and m.sender_type::text = 'fictional' and m.handled_by_operator_id = w.operator_id
        and m.created_at between w.assigned_at and ended.at
   ) as answered
   order by w.chat_id, w.id
), locked as materialized (
  select a.id, k.code, a.chat_id, a.operator_id, k.ended_at, k.answered_at
    from candidate k
    join chats c on c.id = k.chat_id
    join chat_assignments a on a.id = k.id
   where a.xmin = k.seen and c.xmin = k.chat_seen and a.released_at is null
     for no key update of c, a skip locked
), closed as (
  update chat_assignments a
     set released_at = coalesce(l.answered_at, l.ended_at),
         release_reason = case when l.answered_at is not null then 'operator_sent_message' else 'manual_release:repair' end
    from locked l
   where a.id = l.id
  returning a.*, l.code
), idle as (
  delete from operator_activity v
   using locked l, chats c
   where v.chat_id = l.chat_id and v.operator_id = l.operator_id
     and c.id = l.chat_id and c.assigned_operator_id is distinct from l.operator_id
  returning v.*, l.code
), logged as (
insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
:assignments_logged
)
select pg_catalog.jsonb_build_object(
         'mended', (select pg_catalog.count(*) from closed),
         'busy', (select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('chat_id', k.chat_id)), '[]')
                    from candidate k where not exists (select from locked l where l.id = k.id)))
