-- Which assignments of one chat overlap?
-- code: CHAT010
-- invariant: I10
-- title: {count} times two operators had the same chat at once
-- title-one: once two assignments of a chat overlapped
-- narrow: {count} times two operators had one chat
-- narrow-one: once two operators had one chat
-- severity: critical
-- advice: all of them began before 022, which ended that
-- group: data
-- kind: history
-- meanwhile: yes
-- expected: assignments of one chat never overlap
-- why: a chat that was put back by a stale write was assigned again before the first assignment was closed, or an admin's
--   reassign noted the old operator twice
-- consequence: two people work on one conversation; figures count both
-- help-text: it is past, nothing mends it, and after --since (24 h) it is no longer told; a person decides whether to hide it until then: `snooze CHAT010 --for 24h --reason past`
--   [before trigger chat_assignments.chatops_guard_assignment: ; chatops migrate keeps it from happening again]
-- says: operator loses the chat; stats seem wrong
-- reads: chat_assignments
-- shares: late_turns
-- Two that are both open are CHAT002. What came before the guards is advice: it cannot come again.
\set late_turns `cat sql/checks/shared/late_turns.sql`
with late_turns as materialized (:late_turns)
select a.chat_id,
       a.operator_id,
       b.operator_id as other_id,
       b.assigned_at as overlap_began_at,
       least(a.released_at, b.released_at, now()) - b.assigned_at as overlap_for,
       b.assigned_at < :'guarded_at'::timestamptz as advice
  from late_turns a
  join late_turns b on b.chat_id = a.chat_id and (b.assigned_at, b.id) > (a.assigned_at, a.id)
 where (a.released_at is null or a.released_at >= now() - :'since'::interval)
   and (b.released_at is null or b.released_at >= now() - :'since'::interval)
   and (a.released_at is not null or b.released_at is not null)
   and b.assigned_at < coalesce(a.released_at, 'infinity')
   and b.assigned_at < coalesce(b.released_at, 'infinity')
 order by b.assigned_at desc, a.chat_id
