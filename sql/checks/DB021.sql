-- Do the chats of a Citus cluster lie where the cluster can share the work?
-- code: DB021
-- title: {count} things keep this schema from running on the Citus cluster
-- title-one: on the Citus cluster: {trouble}
-- severity: warning
-- group: schema
-- expected: on a Citus cluster with workers, the schema is distributed and its chat tables lie on one worker
-- why: the schema was made before the cluster, or a function or DO block made tables, which then stay on the coordinator
-- consequence: the coordinator does all the work, and what looks distributed is not
-- help-text: chatops migrate --schema NAME distributes a tenant's schema; public stays on the coordinator
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
    '         where n.nspname = current_schema() and c.relname in (''chats'', ''messages'', ''chat_assignments'')) as tables',
    false, true, '') as found
   where exists (select from pg_catalog.pg_extension e where e.extname = 'citus')
), counted as (
  select (pg_catalog.xpath('/row/workers/text()', c.found))[1]::text::int as workers,
         (pg_catalog.xpath('/row/schemas/text()', c.found))[1]::text::int as schemas,
         (pg_catalog.xpath('/row/tables/text()', c.found))[1]::text::int as tables
    from cluster c
)
select case when c.schemas = 0 then 'the schema is not distributed'
            else 'the schema is distributed, and its chat tables lie on the coordinator alone' end as trouble,
       current_schema()::text as schema,
       c.workers
  from counted c
 where c.workers > 0
   and (c.schemas = 0 or c.tables < 3)
