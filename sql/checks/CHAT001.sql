-- Which operators hold more than one active chat?
-- code: CHAT001
-- invariant: I1
-- title: {count} operators hold more than one chat
-- title-one: 1 operator holds more than one chat
-- severity: critical
-- group: data
-- meanwhile: yes
-- expected: an operator holds at most one active chat
-- why: the assign function counts what an operator holds without a lock, so a double click gets two chats; an admin's
--   reassign does not look at all at what the target holds
-- consequence: the operator sees one of the chats; the user of the other one waits for an answer that nobody writes
-- help: repair CHAT001 --dry-run
-- says: nobody answers
-- reads: chats, operators
select c.assigned_operator_id as operator_id,
       o.name as operator,
       pg_catalog.count(*) as chats,
       (pg_catalog.array_agg(c.id order by c.assignment_time desc nulls last, c.id))[1:5] as chat_ids,
       pg_catalog.max(c.assignment_time) as overlap_began_at
  from chats c
  left join operators o on o.id = c.assigned_operator_id
 where c.assigned_operator_id is not null
   and c.is_active is not false
 group by c.assigned_operator_id, o.name
having pg_catalog.count(*) > 1
 order by pg_catalog.count(*) desc, c.assigned_operator_id
