-- For which times ahead has a partitioned messages no partition?
-- code: DB025
-- title: messages has no partition from {from_when} on
-- title-one: messages has no partition from {from_when} on
-- brief: messages lacks a partition ahead
-- severity: critical
-- advice: more than a day is left
-- group: now
-- expected: a partitioned messages has its partitions for the time ahead
-- why: nobody made the next one, or the job that does has stopped
-- consequence: from then on every message is refused (23514), and users can write nothing
-- help-sql: {remedy}
-- limits: partition_days
-- limit: partition_days = 7 day, 1 to 366: so far ahead a partitioned messages needs its partitions
-- says: a message was lost; nobody answers
-- needs-table: chats
-- unplanted: it takes messages to be partitioned
-- Range partitions by created_at. Advice while more than a day is left; a default partition takes whatever comes.
\set partition_missing `cat sql/queries/shared/partition_missing.sql`
\set message_partitions `cat sql/queries/shared/message_partitions.sql`
select w.missing_from, w.missing_from > now() + interval '1 day' as advice,
       case when w.missing_from <= now() then 'now' else pg_catalog.to_char(w.missing_from at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') end as from_when,
       w.remedy
  from (:partition_missing) as w
 where w.missing_from < now() + pg_catalog.make_interval(days => :'partition_days'::int)
