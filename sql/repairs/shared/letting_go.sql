-- Closes the open assignments of chats that are let go, removes their heartbeats, and logs both.
-- locked: the chats with code, lets_go, answered, spoken_at (what was said last), reason (of the release, where they were not answered)
closed as (
  update chat_assignments a
     set released_at = case when l.answered and l.spoken_at >= a.assigned_at then l.spoken_at
                            else greatest(a.assigned_at, pg_catalog.now()) end,
         release_reason = case when l.answered and l.spoken_at >= a.assigned_at then 'operator_sent_message' else l.reason end
    from locked l
   where a.chat_id = l.id and a.released_at is null and l.lets_go
  returning a.*, l.code
), idle as (
  delete from operator_activity v using locked l where v.chat_id = l.id and l.lets_go
  returning v.*, l.code
), parted as (
:assignments_logged
)
