-- Which chat tables are full of dead rows?
-- code: DB011
-- title: {count} chat tables are full of dead rows
-- title-one: the table {object} is full of dead rows: {dead_percent} %
-- severity: advice
-- group: now
-- expected: vacuum keeps up with the chat tables
-- why: autovacuum waits for a share of the table that is large on large tables, or an open transaction keeps it from cleaning up
-- consequence: every read goes over dead rows; assigning gets slower by the day
-- help-sql: vacuum (analyze) {object};
-- needs-table: chats
-- says: everything is slow
-- limits: dead_rows_percent
-- unplanted: autovacuum would clear it up within a minute
-- limit: dead_rows_percent = 20 %, 1 to 100: so many rows of a table are dead
select s.relname as object,
       s.n_dead_tup as dead_rows,
       pg_catalog.round(100.0 * s.n_dead_tup::numeric / greatest(1, s.n_live_tup + s.n_dead_tup)::numeric) as dead_percent,
       greatest(s.last_vacuum, s.last_autovacuum) as vacuumed_at
  from pg_stat_user_tables s
 where s.schemaname = current_schema()
   and s.relname in ('operators', 'chats', 'messages', 'chat_assignments', 'operator_activity')
   and s.n_dead_tup > 10000
   and s.n_dead_tup::numeric > :'dead_rows_percent'::numeric / 100::numeric * (s.n_live_tup + s.n_dead_tup)::numeric
 order by s.n_dead_tup desc
