-- Which chats are completed and active, or ended without being completed?
-- code: CHAT011
-- invariant: I13
-- title: {count} chats are half ended: state and active flag contradict each other
-- title-one: 1 chat is half ended: state and active flag contradict each other
-- severity: warning
-- group: data
-- expected: a chat is completed exactly when it is not active, and the flag is never missing
-- why: force-closing a chat and blocking a user switch the active flag off and leave the state as it was; the flag may be
--   missing in the deployed schema
-- consequence: the chat is counted as waiting or assigned for ever, or is shown to its user and never answered
-- help: repair CHAT011 --dry-run
-- help-text: a repair leaves out a chat whose user waits for an answer: reopen it, or close it for good
-- says: stats seem wrong; nobody answers
-- reads: chats, messages
-- shares: contradictory_chats
\set contradictory_chats `cat sql/checks/shared/contradictory_chats.sql`
\set oldest_unanswered `cat sql/queries/shared/oldest_unanswered.sql`
with contradictory_chats as materialized (:contradictory_chats)
select c.id as chat_id,
       c.chat_state,
       c.is_active,
       c.assigned_operator_id as operator_id,
       waits.since as user_waits_since,
       c.updated_at
  from contradictory_chats c
  left join lateral (:oldest_unanswered) as waits (since)
    on (c.is_active is false and c.chat_state is not null or c.chat_state::text = 'completed')
 where c.is_active is null
    or (c.chat_state::text = 'completed') = c.is_active
 order by (waits.since is null), c.updated_at desc nulls last, c.id
