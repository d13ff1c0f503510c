-- Which assigned chats have no open assignment of their holder?
-- code: CHAT005
-- invariant: I5
-- title: {count} assigned chats have no open assignment
-- title-one: 1 assigned chat has no open assignment
-- severity: critical
-- group: data
-- dated: no
-- meanwhile: yes
-- expected: every assigned chat has the open assignment of its holder
-- why: assigning and noting it are separate statements in the application; a late reply or a release of somebody else
--   closes the row while the chat stays assigned
-- consequence: the work on this chat is counted for nobody, and its release leaves no trace
-- help: repair CHAT005 --dry-run
-- says: stats seem wrong
-- reads: chats, chat_assignments, operators
select c.id as chat_id,
       c.assigned_operator_id as operator_id,
       o.name as operator,
       now() - c.assignment_time as held_for
  from chats c
  left join operators o on o.id = c.assigned_operator_id
 where c.chat_state::text = 'assigned'
   and c.assigned_operator_id is not null
   and c.is_active is not false
   and not exists (
     select 1 from chat_assignments a
      where a.chat_id = c.id and a.released_at is null and a.operator_id = c.assigned_operator_id
   )
 order by c.assignment_time nulls first, c.id
