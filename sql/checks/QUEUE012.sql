-- Which chats do not say since when their user waits, say so although nobody waits, or count releases that cannot be?
-- code: QUEUE012
-- title: {count} chats are wrong about whether their user waits, or how often they were given back
-- title-one: 1 chat {trouble}
-- brief: {count} wrong about waits or releases
-- severity: warning
-- group: data
-- meanwhile: yes
-- expected: a chat in the queue or with an operator has a waiting_since that can be exactly when a message of its user is unanswered,
--   and no more releases are counted than turns have ended since the last reply
-- why: rows were restored or written while the triggers were off, or came in after the migration that fills the clocks
-- consequence: the queue goes by this clock: without it nobody is ever given the chat, with a wrong one somebody is for nothing;
--   with too many releases the reassignment limit ends the chat too early
-- help: repair QUEUE012 --dry-run
-- says: nobody answers; users wait too long
-- reads: chats, messages
-- shares: unanswered
-- unplanted: the deployed system has no clocks of the queue
\set unanswered `cat sql/checks/shared/unanswered.sql`
\set turns_since_reply `cat sql/repairs/shared/turns_since_reply.sql`
\set miscounts_releases `cat sql/repairs/shared/miscounts_releases.sql`
with unanswered as materialized (:unanswered)
select u.id as chat_id,
       u.chat_state,
       u.assigned_operator_id as operator_id,
       u.waiting_since,
       u.written_at as unanswered_since,
       'is wrong about whether its user waits' as trouble,
       pg_catalog.count(*) filter (where u.waiting_since is null and u.chat_state::text = 'waiting_assignment') over () as wait_beside,
       pg_catalog.min(u.written_at) filter (where u.waiting_since is null and u.chat_state::text = 'waiting_assignment') over () as wait_beside_since,
       case when u.waiting_since is null then case when u.chat_state::text = 'waiting_assignment' then 'the queue goes by this clock: without it nobody is ever given the chat'
                                                   else 'should it come back into the queue, nobody is ever given it' end
            else 'the queue goes by this clock: somebody is given the chat for nothing' end as so
  from unanswered u
 where (u.waiting_since is null) <> (u.written_at is null)
union all
select c.id, c.chat_state, c.assigned_operator_id, c.waiting_since, null,
       case when odd.clock then 'is wrong about whether its user waits'
            else 'counts ' || c.releases_without_reply::text || ' releases, which is not how often it was given back since the last reply' end,
       null, null,
       case when odd.clock then 'the queue goes by this clock: the chat stands before all others, or behind them for ever'
            else 'the reassignment limit ends the chat too early, or too late' end
  from chats c
 cross join lateral (
   select c.waiting_since not between '0001-01-02' and now() + interval '1 hour'
          or c.state_since not between '0001-01-02' and now() + interval '1 hour' as clock
 ) as odd
 where odd.clock or :miscounts_releases
 order by 5, 1
