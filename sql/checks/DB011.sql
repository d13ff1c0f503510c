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
-- On a Citus cluster the rows lie on a worker, whose figures are asked for through the server's own reader of query texts.
\set told_by_nodes `cat sql/queries/shared/told_by_nodes.sql`
with asked (text) as (
  select pg_catalog.format(
            'select json_agg(f) from (select substring(s.relname from ''^(.+)_\d+$'') as object, s.n_dead_tup as dead,'
            ' s.n_live_tup as live, greatest(s.last_vacuum, s.last_autovacuum) as vacuumed_at from pg_stat_user_tables as s'
            ' where s.schemaname = %L and s.relname ~ ''^(operators|chats|messages|chat_assignments|operator_activity)_\d+$'') as f',
            current_schema())
), told as materialized (:told_by_nodes), seen as (
  select s.relname as object, s.n_dead_tup as dead, s.n_live_tup as live, greatest(s.last_vacuum, s.last_autovacuum) as vacuumed_at
    from pg_stat_user_tables s
   where s.schemaname = current_schema()
     and s.relname in ('operators', 'chats', 'messages', 'chat_assignments', 'operator_activity')
  union all
  select f.object, f.dead, f.live, f.vacuumed_at
    from told
   cross join lateral xmltable('/table/row' passing told.found columns result text path 'result') as n
   cross join lateral pg_catalog.json_to_recordset(n.result::json) as f (object name, dead bigint, live bigint, vacuumed_at timestamptz)
)
select s.object,
       s.dead as dead_rows,
       pg_catalog.round(100.0 * s.dead::numeric / greatest(1, s.live + s.dead)::numeric) as dead_percent,
       s.vacuumed_at
  from seen s
 where s.dead > 10000
   and s.dead::numeric > :'dead_rows_percent'::numeric / 100::numeric * (s.live + s.dead)::numeric
 order by s.dead desc
