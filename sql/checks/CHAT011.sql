-- Which chats are completed and active, or ended without being completed?
-- code: CHAT011
-- invariant: I13
-- title: {count} chats are ended by their flag or their state alone: the two contradict each other
-- title-one: 1 chat is ended by its flag or its state alone: the two contradict each other
-- narrow: {count} chats: state and flag contradict
-- narrow-one: 1 chat: state and flag contradict
-- severity: warning
-- group: data
-- meanwhile: yes
-- expected: a chat is completed exactly when it is not active, and the flag is never missing
-- why: force-closing a chat and blocking a user switch the active flag off and leave the state as it was; the flag may be
--   missing in the deployed schema
-- consequence: the chat is counted as waiting or assigned for ever, or is shown to its user and never answered
-- help: {mend}
-- help-text: users of {left} of them wait, and a repair leaves these out: afterwards `reopen --where CHAT011 --dry-run`
-- says: stats seem wrong; nobody answers
-- reads: chats, messages
-- compares: found
-- shares: contradictory_chats
\set contradictory_chats `cat sql/checks/shared/contradictory_chats.sql`
\set oldest_unanswered `cat sql/queries/shared/oldest_unanswered.sql`
with contradictory_chats as materialized (:contradictory_chats)
select c.id as chat_id,
       c.chat_state,
       c.is_active,
       c.assigned_operator_id as operator_id,
       waits.since as user_waits_since,
       c.updated_at,
       -- A repair would end a chat whose user waits. Where all of them wait, opening them again mends all.
       case when pg_catalog.count(*) over () = pg_catalog.count(waits.since) over () then 'reopen --where CHAT011 --dry-run'
            else 'repair CHAT011 --dry-run' end as mend,
       case when pg_catalog.count(waits.since) over () between 1 and pg_catalog.count(*) over () - 1 then pg_catalog.count(waits.since) over () end as left,
       pg_catalog.count(waits.since) over () as wait_beside,
       pg_catalog.min(waits.since) over () as wait_beside_since,
       case when c.is_active is null then 'it was written without the flag, by hand or by an import: the deployed schema lets that pass'
            when c.is_active then 'its state was written alone: the flag still says that it is active'
            else 'force-closing a chat and blocking a user switch the active flag off and leave the state as it was' end as because,
       case when c.is_active is null then 'it counts as neither open nor ended, and no operator is given it'
            when c.is_active then 'it is shown to its user as open, and never answered'
            when c.chat_state::text = 'waiting_assignment' then 'the application counts it as waiting for ever'
            when c.chat_state::text = 'assigned' then 'the application counts it as assigned for ever'
            when c.chat_state is null then 'no figure counts it'
            else 'the application counts it as waiting for its user for ever' end as so
  from contradictory_chats c
  left join lateral (:oldest_unanswered) as waits (since)
    on (c.is_active is false and c.chat_state is not null or c.chat_state::text = 'completed')
 where c.is_active is null
    or (c.chat_state::text = 'completed') = c.is_active
 order by (waits.since is null), c.updated_at desc nulls last, c.id
