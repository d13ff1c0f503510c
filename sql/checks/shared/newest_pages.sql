-- The chats that were written into in the window by the newest pages of messages: those, too, that do not say so because
-- what notes it was missing or switched off. There is no index by time; the newest 32 MB are read in the order in which they lie, of
-- a partitioned table the partitions of the window.
select distinct m.chat_id
  from messages m
 where m.ctid >= (select pg_catalog.format('(%s,0)', greatest(0, coalesce(pg_catalog.pg_relation_size(pg_catalog.to_regclass('messages')), 0) / 8192::bigint - 4096::bigint))::tid)
   and m.created_at >= pg_catalog.now() - :'since'::interval
