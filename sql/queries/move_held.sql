-- Which chats does an operator hold?
-- operator
select c.id from chats c
where c.assigned_operator_id = :'operator'::uuid and coalesce(c.is_active, true)
order by c.assignment_time nulls first, c.id
