-- The end of an update of locked chats, some of which are let go: their open assignments are closed, their heartbeats removed.
-- locked: id, code, was (the chat as it was), lets_go, answered and spoken_at (what was said last), reason (where not answered)
from locked l
where c.id = l.id
returning l.code, l.was, c as became
), closed as (
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
), logged as (
:chats_logged
union all
:assignments_logged
