-- Who could take a chat, and what does each operator hold? Those seen last come first, by the later of their two clocks.
-- The row that giving a chat wrote is nobody's heartbeat.
-- only: null for everybody, else the ids that are wanted; free: and so many of those who could take a chat, the first in that order
select e.operator_id, e.name, e.is_active, e.is_available, e.last_activity, e.held
from (
  select p.*, pg_catalog.count(*) filter (where p.is_active and p.is_available and p.held = 0)
                over (order by p.last_activity desc nulls last, p.operator_id rows unbounded preceding) as place
  from (
    select o.id as operator_id, o.name, coalesce(o.is_active, false) as is_active, coalesce(o.is_available, false) as is_available,
           greatest(o.last_activity, heard.last_activity) as last_activity, coalesce(holding.held, 0) as held
    from operators o
    left join (
      select c.assigned_operator_id as operator_id, pg_catalog.count(*) as held from chats c
       where c.assigned_operator_id is not null and coalesce(c.is_active, true)
       group by c.assigned_operator_id
    ) holding on holding.operator_id = o.id
    left join (
      select v.operator_id, pg_catalog.max(v.last_activity) as last_activity
        from operator_activity v
       where not exists (select from chats c
                          where c.id = v.chat_id and c.assigned_operator_id = v.operator_id and c.assignment_time = v.last_activity)
       group by v.operator_id
    ) heard on heard.operator_id = o.id
    -- Who is free is found among all; where nobody is to be found, only those who are wanted are ordered.
    where :'free'::bigint > 0 or :'only'::uuid[] is null or o.id = any(:'only'::uuid[])
  ) p
) e
where :'only'::uuid[] is null or e.operator_id = any(:'only'::uuid[])
   or (e.is_active and e.is_available and e.held = 0 and e.place <= :'free'::bigint)
order by e.last_activity desc nulls last, e.operator_id
