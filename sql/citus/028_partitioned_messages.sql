-- On a Citus cluster a shard bears another name than its table, and what the tables' owner writes is history from a minute back on.

-- in order_message: (new.created_at < now() or => (new.created_at < now() - interval '1 minute' or
-- in order_message: if tg_table_name <> 'messages' and => if (select c.relispartition from pg_catalog.pg_class as c where c.oid = tg_relid) and
-- in order_message: (tg_table_name <> 'messages' and => (pg_catalog.current_setting('chatops.moving'::text, true) <> '' and (select c.relispartition from pg_catalog.pg_class as c where c.oid = tg_relid) and
