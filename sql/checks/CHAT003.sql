-- In which chats do state and operator contradict each other, or is there no state?
-- code: CHAT003
-- invariant: I3
-- title: in {count} chats state and operator contradict each other
-- title-one: in 1 chat state and operator contradict each other
-- severity: critical
-- group: data
-- expected: an operator is set exactly when the state is assigned, and every chat has a state
-- why: a user's message that was read before and written after an assign puts the chat back to waiting with the operator
--   still set; the deployed constraint forbids only the other direction, and lets a missing state pass
-- consequence: a second operator gets the chat while the first is writing; chats without a state vanish from every counter
-- help: repair CHAT003 --dry-run
-- says: operator loses the chat · stats seem wrong
-- reads: chats, operators
-- shares: contradictory_chats
\set contradictory_chats `cat sql/checks/shared/contradictory_chats.sql`
with contradictory_chats as materialized (:contradictory_chats)
select c.id as chat_id,
       c.chat_state,
       c.assigned_operator_id as operator_id,
       o.name as operator,
       c.updated_at
  from contradictory_chats c
  left join operators o on o.id = c.assigned_operator_id
 where c.chat_state is null
    or (c.chat_state::text = 'assigned') <> (c.assigned_operator_id is not null)
 order by c.updated_at desc nulls last, c.id
