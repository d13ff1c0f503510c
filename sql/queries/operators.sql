-- Who works, on which chat, since when, and when were they last seen?
-- needs: operator_load
select l.operator_id, l.name, case when l.load = 'away' and not l.is_active then 'inactive' else l.load end as load,
       l.chat_id, l.held_since, l.held_chats, l.last_activity, o.total_messages, l.is_active, l.is_available
from operator_load l
join operators o on o.id = l.operator_id
