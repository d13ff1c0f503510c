-- Is the idle cron at work?
-- code: OPER006
-- title: nothing was released as idle, though {overdue} chats are overdue
-- title-one: nothing was released as idle, though {overdue} chats are overdue, the oldest for {overdue_for}
-- severity: warning
-- group: now
-- kind: history
-- expected: chats of silent operators are released within minutes
-- why: the cron job is not there, its key has expired, or each of its releases fails
-- consequence: chats stay with operators who left; their users wait for an answer that nobody writes
-- help: release --idle --dry-run
-- says: nobody answers; the deploy is not right
-- reads: chats, chat_assignments, operators, operator_activity
-- limits: idle_timeout_minutes, idle_grace_minutes
-- shares: late_turns
-- unplanted: it takes a day without a release
-- Ten minutes beyond the limit, when a cron that comes each minute has come ten times; and no such release in the window.
\set late_turns `cat sql/checks/shared/late_turns.sql`
with late_turns as materialized (:late_turns)
select pg_catalog.count(*) as overdue, pg_catalog.max(now() - held.seen_at) as overdue_for
  from (
    select greatest(
             case when c.assignment_time <= now() + interval '1 minute' then c.assignment_time end,
             case when o.last_activity <= now() + interval '1 minute' then o.last_activity end,
             (select pg_catalog.max(a.last_activity) from operator_activity a
               where a.chat_id = c.id and a.operator_id = c.assigned_operator_id
                 and a.last_activity <= now() + interval '1 minute')) as seen_at
      from chats c
      join operators o on o.id = c.assigned_operator_id
     where c.chat_state::text = 'assigned' and c.is_active is not false
  ) as held
 where held.seen_at < now() - interval '10 minutes'
                      - pg_catalog.make_interval(secs => 60::double precision * (:'idle_timeout_minutes'::double precision
                                                    + :'idle_grace_minutes'::double precision))
   and not exists (select from late_turns a
                    where a.released_at >= now() - :'since'::interval and a.release_reason::text ilike '%idle%')
having pg_catalog.count(*) > 0
