-- Sets since when a user waits, where a chat in the queue or with an operator does not say so, or says so although nobody waits, or
-- names a time that cannot be; and how often a chat was given back without an answer, where that cannot be or goes with such a wait.
--
-- order: 150
-- from: 018
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

select u.id as chat_id
  from (:unanswered) as u
 where (u.waiting_since is null) <> (u.written_at is null)
union
select c.id
  from chats c
 where c.waiting_since not between '0001-01-02' and pg_catalog.now() + interval '1 hour'
    or c.state_since not between '0001-01-02' and pg_catalog.now() + interval '1 hour'
    or :miscounts_releases
;

with candidate as materialized (
  select c.id, c.xmin as seen, pg_catalog.to_jsonb(f) as found, waits.since,
         case when waits.since is null then 0 else releases.many end as releases
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid)
    join chats c on c.id = f.chat_id
    left join lateral (:oldest_unanswered) as unanswered (since) on c.is_active is not false and c.chat_state::text is distinct from 'completed'
   cross join lateral (
     select pg_catalog.count(*) as many from chat_assignments a
      where a.chat_id = c.id
        and a.release_reason::text is distinct from 'operator_sent_message'
        and a.released_at > coalesce((select r.created_at from messages r
                                       where r.chat_id = c.id and r.sender_type::text = 'fictional'
                                       order by r.created_at desc limit 1), '-infinity')
   ) as releases
   cross join lateral (
     select (c.chat_state::text in ('waiting_assignment', 'assigned') and c.is_active is not false
             and (c.waiting_since is null) <> (unanswered.since is null))
            or c.waiting_since not between '0001-01-02' and pg_catalog.now() + interval '1 hour'
            or c.state_since not between '0001-01-02' and pg_catalog.now() + interval '1 hour' as clock
   ) as odd
   cross join lateral (select case when odd.clock then unanswered.since else c.waiting_since end as since) as waits
   where (odd.clock or :miscounts_releases)
     -- By a message whose own clock cannot be nothing is told: DATA002 comes first.
     and not exists (select from messages w
                      where w.chat_id = c.id and (w.created_at is null or w.created_at not between '0001-01-02' and pg_catalog.now() + interval '1 hour'))
   order by c.id
), locked as materialized (
  select c.*, k.since, k.releases
:locked_as_judged
), changed as (
  update chats c
     set waiting_since = l.since, releases_without_reply = l.releases,
         state_since = case when l.state_since not between '0001-01-02' and pg_catalog.now() + interval '1 hour' then pg_catalog.now()
                            else l.state_since end
    from locked l
   where c.id = l.id
  returning c.id, c.assigned_operator_id, l.waiting_since as waited_since, l.releases_without_reply as releases,
            l.state_since as was_in_state_since, c.waiting_since, c.releases_without_reply, c.state_since
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'QUEUE012', n.id, n.assigned_operator_id, null::text,
         pg_catalog.jsonb_build_object('waiting_since', n.waited_since, 'releases_without_reply', n.releases,
                                       'state_since', n.was_in_state_since),
         pg_catalog.jsonb_build_object('waiting_since', n.waiting_since, 'releases_without_reply', n.releases_without_reply,
                                       'state_since', n.state_since)
    from changed n
)
:mended_and_busy;
