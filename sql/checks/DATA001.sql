-- Which counters differ from what they count?
-- code: DATA001
-- invariant: I14
-- title: {count} counters differ from what they count
-- title-one: 1 counter differs from what it counts
-- severity: warning
-- advice: no trigger counts for operators yet: 022 brings it
-- group: data
-- kind: touched
-- meanwhile: yes
-- expected: a chat's message_count and an operator's total_messages are what the messages say
-- why: [before trigger operators.chatops_keep_total_messages: the application reads an operator's counter and writes it back plus one: of two at
--   the same moment one is lost;] [from trigger operators.chatops_keep_total_messages: rows were written while what counts was missing or off
--   (DB003, DB017), or restored]
-- consequence: figures of chats or operators are wrong
-- help: repair DATA001 --dry-run
-- says: stats seem wrong
-- reads: chats, messages, operators
-- compares: operators
-- Chats with a message in the window (small tables: all), whatever they say of it, and operators in full. Advice until the database itself counts for operators.
-- Where months of a partitioned messages have been detached, what was counted then is right: nothing is compared that began before
-- the oldest partition, save a counter that lies below what is still there.
\set counted_since `cat sql/repairs/shared/counted_since.sql`
\set newest_pages `cat sql/checks/shared/newest_pages.sql`
\set message_partitions `cat sql/queries/shared/message_partitions.sql`
\set operators_miscounted `cat sql/repairs/shared/operators_miscounted.sql`
with kept as materialized (:counted_since)
select found.chat_id, found.operator_id, found.operator, found.counted, found.really,
       case when found.chat_id is not null then 'a chat is said to have another number of messages than it has'
            else 'an operator''s total of replies is wrong' end as so,
       not exists (
         select 1 from pg_trigger t
           join pg_proc p on p.oid = t.tgfoid
          where t.tgrelid = 'messages'::regclass::oid and not t.tgisinternal
            and p.prosrc like '%total_messages%') as advice
  from (
    select c.id as chat_id, null::uuid as operator_id, null::text as operator,
           coalesce(c.message_count, 0)::bigint as counted, source.messages as really
      from chats c
     cross join lateral (select pg_catalog.count(*) as messages from messages m where m.chat_id = c.id) as source
     cross join kept
     where (c.last_message_at >= now() - :'touched_since'::interval or (c.last_message_at is null and c.message_count <> 0)
            or c.id in (select p.chat_id from (:newest_pages) as p))
       and coalesce(c.message_count, 0) <> source.messages
       and (c.created_at >= kept.since or coalesce(c.message_count, 0) < source.messages)
    union all
    select null, o.id, o.name, o.counted, o.really from (:operators_miscounted) as o
  ) as found
 order by pg_catalog.abs(found.counted - found.really) desc, found.chat_id, found.operator_id
