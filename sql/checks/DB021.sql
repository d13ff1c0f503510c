-- Do the chats of a Citus cluster lie where the cluster can share the work?
-- code: DB021
-- title: {count} things keep this schema from running on the Citus cluster
-- title-one: on the Citus cluster: {trouble}
-- severity: warning
-- group: schema
-- expected: on a Citus cluster with workers, the schema is distributed, and its tables, functions and guards are on a worker
-- why: it was made before the cluster; or a block made tables, a request of several statements functions, which stay here
-- consequence: the coordinator does all the work, and what looks distributed or guarded is not
-- help-text: `migrate --schema NAME` distributes a tenant's schema; public stays on the coordinator
-- says: the deploy is not right
-- needs-table: chats
-- unplanted: it takes a Citus cluster
-- The catalogs of Citus exist only where it is installed: they are asked through the server's own reader of query texts.
with cluster as (
  select pg_catalog.query_to_xml(
    'select (select count(*) from pg_catalog.pg_dist_node n'
    '         where n.groupid <> 0 and n.noderole = ''primary'' and n.isactive) as workers,'
    '       (select count(*) from pg_catalog.pg_dist_schema s join pg_catalog.pg_namespace n on n.oid = s.schemaid'
    '         where n.nspname = current_schema()) as schemas,'
    '       (select count(*) from pg_catalog.pg_dist_partition p join pg_catalog.pg_class c on c.oid = p.logicalrelid'
    '          join pg_catalog.pg_namespace n on n.oid = c.relnamespace'
    '         where n.nspname = current_schema() and c.relname in (''chats'', ''messages'', ''chat_assignments'')) as tables,'
    '       (select count(*) from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace'
    '         where n.nspname = current_schema() and not exists (select from pg_catalog.pg_dist_object o'
    '                where o.classid = ''pg_catalog.pg_proc''::regclass and o.objid = p.oid)) as functions,'
    '       (select count(*) from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid'
    '          join pg_catalog.pg_namespace n on n.oid = c.relnamespace'
    '         where n.nspname = current_schema() and t.tgname like ''chatops\_%'') as guards,'
    '       (select sum(w.result::integer) from pg_catalog.run_command_on_workers(pg_catalog.format('
    '                 $$select count(*) from pg_trigger t join pg_class c on c.oid = t.tgrelid'
    '                     join pg_namespace n on n.oid = c.relnamespace'
    '                    where n.nspname = %L and t.tgname like ''chatops\_%%'' and c.relname ~ ''_[0-9]+$''$$, current_schema())) w'
    '         where w.success) as guards_there',
    false, true, '') as found
   where exists (select from pg_catalog.pg_extension e where e.extname = 'citus')
), counted as (
  select (pg_catalog.xpath('/row/workers/text()', c.found))[1]::text::int as workers,
         (pg_catalog.xpath('/row/schemas/text()', c.found))[1]::text::int as schemas,
         (pg_catalog.xpath('/row/tables/text()', c.found))[1]::text::int as tables,
         (pg_catalog.xpath('/row/functions/text()', c.found))[1]::text::int as functions,
         (pg_catalog.xpath('/row/guards/text()', c.found))[1]::text::int as guards,
         coalesce((pg_catalog.xpath('/row/guards_there/text()', c.found))[1]::text::int, 0) as guards_there
    from cluster c
)
select case when c.schemas = 0 then 'the schema is not distributed'
            when c.tables < 3 then 'the schema is distributed, and its chat tables lie on the coordinator alone'
            when c.functions > 0 then c.functions::text || ' of its functions are on the coordinator alone'
            else (c.guards - c.guards_there)::text || ' of its ' || c.guards::text || ' guards are missing on the workers' end as trouble,
       current_schema()::text as schema,
       c.workers
  from counted c
 where c.workers > 0
   and (c.schemas = 0 or c.tables < 3 or c.functions > 0 or c.guards > c.guards_there)
