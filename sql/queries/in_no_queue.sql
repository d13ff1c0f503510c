-- Whose user waits in no queue, and since when: what CHAT006 and QUEUE012 count of it.
-- No row where there are many chats: it looks at each, and the commands that ask it are to cost the same however many there are.
\set newest_messages `cat sql/checks/shared/newest_messages.sql`
\set clockless `cat sql/queries/shared/clockless$BEFORE_018.sql`
with newest_messages as materialized (:newest_messages), waits as (
  select n.written_at as since
    from newest_messages n
   where n.sender_type::text = 'real'
     and (select m.id from messages m
           where m.chat_id = n.chat_id and m.created_at = n.written_at and m.sender_type::text = 'fictional' limit 1) is null
  union all
  (:clockless)
)
select counted.chats, counted.since
  from pg_class as few
 cross join lateral (
   select pg_catalog.count(*) as chats, pg_catalog.min(w.since) as since from waits w where few.reltuples is not null
 ) as counted
 where few.oid = 'chats'::regclass::oid and few.reltuples <= 20000::real
