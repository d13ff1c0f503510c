-- In which chats do state and operator contradict each other, or is there no state?
-- code: CHAT003
-- invariant: I3
-- title: in {count} chats state and operator contradict each other
-- title-one: in 1 chat state and operator contradict each other
-- narrow: {count} whose state and operator contradict
-- severity: critical
-- group: data
-- meanwhile: yes
-- expected: an operator is set exactly when the state is assigned, and every chat has a state
-- why: waiting with an operator: a user's message that was read before an assign and written after it put the chat back; assigned
--   without one: the operator was taken off or deleted and the state stayed; the deployed constraint lets a missing state pass
-- consequence: a waiting chat with an operator is given to a second one; an assigned chat without one is answered by nobody;
--   chats without a state vanish from every counter
-- help: repair CHAT003 --dry-run
-- says: operator loses the chat; stats seem wrong
-- reads: chats, operators
-- shares: contradictory_chats
\set contradictory_chats `cat sql/checks/shared/contradictory_chats.sql`
with contradictory_chats as materialized (:contradictory_chats)
select c.id as chat_id,
       c.chat_state,
       c.assigned_operator_id as operator_id,
       o.name as operator,
       case when c.chat_state is null then 'no state'
            when c.assigned_operator_id is null then 'assigned, but nobody has it'
            else 'an operator is set, but the state is ' || c.chat_state::text end as contradiction,
       c.updated_at,
       case when c.chat_state is null then 'it was written without a state, by hand or by an import: the deployed constraint lets that pass'
            when c.assigned_operator_id is null then 'the operator was taken off or deleted, and the state stayed'
            when c.chat_state::text = 'waiting_assignment' then 'a user''s message that was read before an assign and written after it put the chat back'
            else 'the chat went on, and nothing took its operator off' end as because,
       case when c.chat_state is null then 'it vanishes from every counter, and no operator is given it'
            when c.assigned_operator_id is null then 'nobody answers: it counts as held, and no operator has it'
            when c.chat_state::text = 'waiting_assignment' then 'it is given to a second operator'
            else 'the operator is shown with a chat that is not theirs any more' end as so
  from contradictory_chats c
  left join operators o on o.id = c.assigned_operator_id
 where c.chat_state is null
    or (c.chat_state::text = 'assigned') <> (c.assigned_operator_id is not null)
 order by c.updated_at desc nulls last, c.id
