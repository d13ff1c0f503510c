-- What has become of the made-up chats after several sessions wrote at once: who holds too much, who holds what?
select c.id as chat_id, c.chat_state, c.assigned_operator_id,
       pg_catalog.count(a.id) filter (where a.released_at is null) as open_turns,
       (select pg_catalog.count(*) from chats as o
         where o.assigned_operator_id = c.assigned_operator_id and o.chat_state::text = 'assigned' and o.is_active) as held_by_holder
  from chats as c
  left join chat_assignments as a on a.chat_id = c.id
 where c.chat_state::text = 'assigned' or c.id = any(:'chats'::uuid[])
 group by c.id
