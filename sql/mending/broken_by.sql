-- How many rows would a CHECK refuse, and which are the first?
-- psql: \set table chats  \set condition 'message_count >= 0'
select (select pg_catalog.count(*) from :table where (:condition) is false) as rows,
       (select pg_catalog.string_agg(one.id, ', ' order by one.id)
          from (select pg_catalog.to_jsonb(t.*) ->> 'id'::text as id from :table t where (:condition) is false order by 1 limit 3) as one) as ids
