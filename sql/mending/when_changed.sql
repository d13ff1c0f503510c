-- When was an object last made or changed (known where the server keeps track_commit_timestamp), and since when is its file in?
-- kind, of (its table, or null) and name as a finding has them; migration: its file, or null.
with made as (
  select p.xmin as by_transaction from pg_proc p join pg_namespace n on n.oid = p.pronamespace and n.nspname = current_schema()
   where :'kind' = 'function' and p.proname = :'name'
  union all
  select g.xmin from pg_trigger g join pg_class c on c.oid = g.tgrelid join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
   where :'kind' = 'trigger' and g.tgname = :'name' and c.relname = :'of'
  union all
  select k.xmin from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
   where :'kind' = 'constraint' and k.conname = :'name' and c.relname = :'of'
  union all
  select r.xmin from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
   where (:'kind' = 'rule' and r.rulename = :'name' and c.relname = :'of') or (:'kind' = 'view' and c.relname = :'name')
  union all
  select c.xmin from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
   where :'kind' in ('index', 'table', 'sequence', 'key') and c.relname = :'name'
  union all
  select a.xmin from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
   where :'kind' = 'column' and a.attname = :'name' and c.relname = :'of'
)
select (select pg_catalog.max(pg_catalog.pg_xact_commit_timestamp(m.by_transaction)) from made m
         where pg_catalog.current_setting('track_commit_timestamp')::boolean) as changed_at,
       pg_catalog.current_setting('track_commit_timestamp')::boolean as kept
