-- Plants DATA002: an operator's laptop is three hours ahead, and so are its heartbeats.
select pg_temp.hold(pg_temp.victim('38'), pg_temp.newcomer('Fritz Vorlauf'), '2 minutes 40 seconds');
update operator_activity set last_activity = now() + interval '3 hours', updated_at = now() - interval '8 seconds'
 where chat_id = (select c.id from chats as c join operators as o on o.id = c.assigned_operator_id where o.name = 'Fritz Vorlauf');
