-- Who could take a chat, and what does each operator hold? Those seen last come first.
-- needs: operator_load
select l.operator_id, l.name, l.is_active, l.is_available, l.last_activity,
       (select count(*) from chats c where c.assigned_operator_id = l.operator_id and coalesce(c.is_active, true)) as held
from operator_load l
order by l.last_activity desc nulls last, l.operator_id
