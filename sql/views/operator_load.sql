-- Each operator as busy (holds a chat), free (could take one) or away, with the chat held and the last sign of life.
-- needs: queue_paused_until
--
-- last_activity is the later of the two clocks that the application keeps; the row that giving a chat wrote is nobody's
-- heartbeat. held_chats above 1 is a fault: the chat shown is then the one held for longest.
create or replace view operator_load with (security_invoker = true) as
select o.id as operator_id,
       o.name,
       case when held.chat_id is not null then 'busy'
            when o.is_active and o.is_available then 'free'
            else 'away' end as load,
       held.chat_id,
       held.held_since,
       greatest(o.last_activity, heard.last_activity) as last_activity,
       -- Never negative (a client's clock may be ahead), and null for somebody who was never heard of.
       now() - case when greatest(o.last_activity, heard.last_activity) < now()
                    then greatest(o.last_activity, heard.last_activity)
                    when coalesce(o.last_activity, heard.last_activity) is not null then now() end as idle_for,
       coalesce(o.is_active, false) as is_active,
       coalesce(o.is_available, false) as is_available,
       coalesce(held.held_chats, 0) as held_chats,
       (select queue_paused_until()) as paused_until
  from operators as o
  left join (
    select c.assigned_operator_id as operator_id,
           (pg_catalog.array_agg(c.id order by c.assignment_time nulls last, c.id))[1] as chat_id,
           pg_catalog.min(c.assignment_time) as held_since,
           pg_catalog.count(*) as held_chats
      from chats as c
     where c.chat_state::text = 'assigned'
       and c.is_active
       and c.assigned_operator_id is not null
     group by c.assigned_operator_id
  ) as held on held.operator_id = o.id
  left join (
    select a.operator_id, pg_catalog.max(a.last_activity) as last_activity
      from operator_activity as a
     where not exists (select from chats as c
                        where c.id = a.chat_id and c.assigned_operator_id = a.operator_id and c.assignment_time = a.last_activity)
     group by a.operator_id
  ) as heard on heard.operator_id = o.id;

comment on view operator_load is
  'Each operator as busy, free or away, with the chat held and when they were last heard of;
paused_until: until then nobody is given a chat.';
