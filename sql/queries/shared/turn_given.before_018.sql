-- The assignment of a chat that is given to somebody, which notes no wait. c: the chat's row
(chat_id, operator_id, assigned_at)
select c.id, c.assigned_operator_id, c.assignment_time
