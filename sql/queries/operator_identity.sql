-- One operator: flags, load, the chat they hold, their clocks and counter.
-- needs: operator_load
select l.operator_id, l.name,
       case when l.load = 'away' and not l.is_active then 'inactive' else l.load end as load,
       l.chat_id, l.held_since, l.held_chats, l.last_activity, o.total_messages, l.is_active, l.is_available,
       (select pg_catalog.count(*) from chat_assignments a
         where a.operator_id = l.operator_id and a.assigned_at > now() - interval '1 day') as taken_last_day
  from operator_load l
  join operators o on o.id = l.operator_id
 where l.operator_id = :'operator'::uuid
