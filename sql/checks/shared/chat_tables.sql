-- The chat tables with their partitions, and the tables of schema chatops: how a statement names each, and whose they are.
-- root: the chat table itself, for a partition too; ours: it is in schema chatops.
with recursive spaces as materialized (
  select n.oid, n.nspname from pg_namespace n where n.nspname in ('chatops', current_schema())
), found as (
  -- By what depends on the schemas: the catalog has no index by schema, and is long where there are many.
  select c.oid, c.relname as root, s.nspname = 'chatops' as ours
    from spaces s
    join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = s.oid and d.classid = 'pg_class'::regclass::oid
    join pg_class c on c.oid = d.objid and c.relkind in ('r', 'p') and not c.relispartition
   where s.nspname = 'chatops'
      or c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments', 'operator_activity',
                       'platform_config')
  union all
  select i.inhrelid, f.root, f.ours
    from found f
    join pg_inherits i on i.inhparent = f.oid
    join pg_class p on p.oid = i.inhrelid and p.relispartition
)
select f.oid, f.root, f.ours, c.relname, c.relkind, c.relpersistence, c.relowner, c.relacl, c.relrowsecurity, c.relforcerowsecurity,
       c.relreplident, c.relispartition, c.reloptions, c.reltoastrelid,
       case when n.nspname = current_schema() then '' else pg_catalog.quote_ident(n.nspname) || '.' end || pg_catalog.quote_ident(c.relname) as name
  from found f
  join pg_class c on c.oid = f.oid
  join pg_namespace n on n.oid = c.relnamespace
