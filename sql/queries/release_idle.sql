-- Which chats does an operator hold who was not heard of on them for longer than the idle timeout, or is no longer active?
-- idle_timeout: as an interval
select c.id
from chats c
left join operators o on o.id = c.assigned_operator_id
left join lateral (
  select pg_catalog.max(v.last_activity) as last_activity from operator_activity v
   where v.chat_id = c.id and v.operator_id = c.assigned_operator_id
     and v.last_activity <= now() + interval '1 minute' -- a clock that runs ahead says nothing
) heard on true
where c.chat_state::text = 'assigned' and coalesce(c.is_active, true) and c.assigned_operator_id is not null
  and (o.is_active is not true
       or coalesce(greatest(case when c.assignment_time <= now() + interval '1 minute' then c.assignment_time end, heard.last_activity),
                   '-infinity') < now() - :'idle_timeout'::interval)
order by c.assignment_time nulls first, c.id
