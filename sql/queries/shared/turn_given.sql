-- The assignment of a chat that is given to somebody, and how long its user had waited. c: the chat's row; given: what was before
(chat_id, operator_id, assigned_at, waiting_since, queued_since)
select c.id, c.assigned_operator_id, c.assignment_time, c.waiting_since,
       greatest(c.waiting_since, (given.before #>> '{chat,state_since}'::text[])::timestamptz)
