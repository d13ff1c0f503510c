-- Where do the readers of the queue disagree with the chats themselves?
-- code: QUEUE003
-- invariant: I22
-- title: {count} readers of the queue disagree with the chats
-- title-one: a reader of the queue disagrees with the chats: {reader}
-- severity: warning
-- advice: only the queue's figure of before the views is off: it counts empty and answered chats, too, until the last file is in
-- group: data
-- expected: the published functions and views say the same as the chats
-- why: a function or view is an outdated version
-- consequence: one screen says that nobody waits while users do
-- help: {mend}
-- help-sql: {remedy}
-- says: stats seem wrong
-- reads: chats, messages
-- shares: active_by_state, shown_by_state
-- needs: chat_queue
-- compares: totals
-- The deployed text counts every chat in that state, empty ones too: advice until ours was put in its place.
\set active_by_state `cat sql/checks/shared/active_by_state.sql`
\set shown_by_state `cat sql/checks/shared/shown_by_state.sql`
with active_by_state as materialized (:active_by_state),
shown_by_state as materialized (:shown_by_state),
status as materialized (
  -- The catalog beside it keeps a Citus cluster from sending the function, which asks all tables, to one node with the rest.
  select s.* from get_assignment_queue_status() s where exists (select 1 from pg_catalog.pg_class)
), state as (
  select s.chat_state, s.active as chats, s.held from active_by_state s where s.active > 0
), queue as materialized (
  select pg_catalog.count(*) as chats from chat_queue
)
select found.reader, found.says, found.really, found.advice, pg_catalog.regexp_replace(found.reader, '\W.*', '') as object,
       case when found.advice then 'migrate --dry-run' end as mend
  from (
    select 'get_assignment_queue_status().total_waiting' as reader, s.total_waiting::bigint as says, q.chats as really,
           s.total_waiting = q.chats as agrees,
           not :'views_applied'::boolean
           and s.total_waiting = coalesce((select chats from state where chat_state::text = 'waiting_assignment'), 0) as advice
      from status s
     cross join queue q
    union all
    select 'get_assignment_queue_status().total_assigned', s.total_assigned, coalesce(a.chats, 0),
           s.total_assigned in (coalesce(a.chats, 0), coalesce(a.held, 0)), false
      from status s
      left join state a on a.chat_state::text = 'assigned'
    union all
    select 'chat_state_summary, ' || coalesce(c.chat_state::text, 'no state'), v.count, c.chats,
           v.count is not distinct from c.chats, false
      from state c
      left join shown_by_state v on v.chat_state::text is not distinct from c.chat_state::text
  ) as found
 where not found.agrees
 order by found.advice, found.reader
