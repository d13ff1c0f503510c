-- Which chats do not move: waiting, held, or answered to nobody, for longer than a given time? As the server finds them.
-- needs: stuck_chats
select s.chat_id, s.chat_state, s.reason, s.since, s.operator_id, o.name as operator_name,
       s.last_message_at
from stuck_chats s
left join operators o on o.id = s.operator_id
where s.since < now() - :'longer_than'::interval
