-- The chats whose rows tell what is wrong with one: itself, those that its operator holds, and those of the same two people.
-- chat: its id
select c.id from chats c where c.id = :'chat'::uuid
union
select c.id
from chats own
join chats c on c.assigned_operator_id = own.assigned_operator_id
where own.id = :'chat'::uuid
union
select c.id
from chats own
join chats c on c.real_user_id = own.real_user_id and c.fictional_user_id = own.fictional_user_id
where own.id = :'chat'::uuid
