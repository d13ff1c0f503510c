-- Which waiting chats were passed over by several that began to wait later?
-- code: QUEUE002
-- invariant: I19
-- title: {count} waiting chats were passed over by later ones
-- title-one: 1 waiting chat was passed over {overtaken} times by later ones
-- narrow: {count} passed over by later ones
-- severity: warning
-- group: data
-- kind: history
-- meanwhile: yes
-- expected: who began to wait first is served first
-- why: [before function take_next_chat: the deployed queue goes by the age of the chat, not of the wait: the oldest chats are always first
--   and young ones starve;] [from function take_next_chat: the chat is kept for its last operator, it was put back or locked while later ones were
--   taken, or an admin gave those away by hand]
-- consequence: some users are answered at once again and again while others wait without end
-- users-wait: yes
-- help: queue
-- help-text: `reassign --where QUEUE002 --to auto --dry-run` gives these to whoever is free; who else answers, a person decides: call some in[before function take_next_chat: ;
--   chatops migrate serves by the wait from then on]
-- says: users wait too long
-- reads: chats, messages, chat_assignments
-- limits: overtaken_by, overtaken_seconds
-- shares: late_turns
-- needs: chat_queue
-- compares: all
-- limit: overtaken_by = 3 times, 1 to 1000000: so many later chats were taken before a waiting one
-- limit: overtaken_seconds = 60 s, 0 to 1000000: by so much earlier the waiting one had begun to wait
-- Counted from when it came into the queue; before 018 from when its user began to wait, which is all that is known then.
-- Their own last operator may pass them over: nobody gets the chat they just had. Counted by places in sorted lists, because
-- thousands may wait while tens of thousands were taken. What the deployed order did before the guards is not counted.
\set late_turns `cat sql/checks/shared/late_turns.sql`
\set chats_with_clocks `cat sql/queries/shared/chats_with_clocks$BEFORE_018.sql`
with late_turns as materialized (:late_turns),
waiting as materialized (
  select q.chat_id, q.waiting_since, q.last_operator_id, c.state_since from chat_queue q join :chats_with_clocks c on c.id = q.chat_id
   where pg_catalog.cardinality(:'about_chats'::uuid[]) = 0 or q.chat_id = any(:'about_chats'::uuid[])
), taken as materialized (
  -- When the users of the chats that were taken had begun to wait.
  select a.operator_id, began.since
    from late_turns a
   cross join lateral (
     select pg_catalog.min(m.created_at) as since from messages m
      where m.chat_id = a.chat_id and m.sender_type::text = 'real' and m.created_at <= a.assigned_at
        and m.created_at > coalesce((select r.created_at from messages r
                                      where r.chat_id = a.chat_id and r.sender_type::text = 'fictional'
                                        and r.created_at < a.assigned_at
                                      order by r.created_at desc limit 1), '-infinity')
   ) as began
   where a.assigned_at > greatest((select pg_catalog.min(w.waiting_since) from waiting w), now() - :'since'::interval, :'guarded_at'::timestamptz)
     and began.since is not null
), everybody as (
  select coalesce(pg_catalog.array_agg(t.since order by t.since), '{}') as starts from taken t
), own as (
  select t.operator_id, pg_catalog.array_agg(t.since order by t.since) as starts from taken t group by t.operator_id
), passed as (
  select w.chat_id, w.waiting_since,
         pg_catalog.cardinality(e.starts) - pg_catalog.width_bucket(limit_.instant, e.starts)
         - coalesce(pg_catalog.cardinality(o.starts) - pg_catalog.width_bucket(limit_.instant, o.starts), 0) as overtaken
    from waiting w
   cross join everybody e
   cross join lateral (
     select greatest(w.waiting_since, w.state_since) + pg_catalog.make_interval(secs => :'overtaken_seconds'::double precision) as instant
   ) as limit_
    left join own o on o.operator_id = w.last_operator_id
   where exists (select 1 from taken)
)
select p.chat_id, now() - p.waiting_since as waiting_for, p.overtaken
  from passed p
 where p.overtaken::numeric >= :'overtaken_by'::numeric
 order by p.overtaken desc, p.chat_id
