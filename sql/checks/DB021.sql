-- Do the chats of a Citus cluster lie where the cluster can share the work?
-- code: DB021
-- title: {count} things keep this schema from running on the Citus cluster
-- title-one: on the Citus cluster: {trouble}
-- severity: warning
-- group: schema
-- expected: on a Citus cluster with workers, the schema is distributed, and its tables, functions and guards are on a worker
-- why: it was made before the cluster or one of its nodes; or a block made tables, a request of several statements functions, which stay here;
--   rows that Citus copies to a worker stay here, too, until they are truncated
-- consequence: the coordinator does all the work, and what looks distributed or guarded is not
-- help-sql: {remedy}
-- help-text: `migrate` distributes the schema of a tenant (--schema NAME); public stays on the coordinator
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
    '       placed.here, placed.otherwise, placed.one_shard, placed.left_here,'
    '       (select count(*) from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace'
    '         where n.nspname = current_schema() and not exists (select from pg_catalog.pg_dist_object o'
    '                where o.classid = ''pg_catalog.pg_proc''::regclass and o.objid = p.oid)) as functions,'
    '       (select count(*) from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid'
    '          join pg_catalog.pg_namespace n on n.oid = c.relnamespace'
    '         where n.nspname = current_schema() and t.tgname like ''chatops\_%'' and t.tgtype & 32 = 0) as guards,'
    '       (select sum(w.result::integer) from pg_catalog.run_command_on_all_nodes(pg_catalog.format('
    '                 $$select count(*) from pg_trigger t join pg_class c on c.oid = t.tgrelid'
    '                     join pg_namespace n on n.oid = c.relnamespace'
    '                    where n.nspname = %L and t.tgname like ''chatops\_%%'' and c.relname ~ ''_[0-9]+$''$$, current_schema())) w'
    '         where w.success) as guards_there,'
    '       (select count(*) from pg_catalog.run_command_on_workers(pg_catalog.format('
    '                 $$select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace'
    '                    where n.nspname = %L and c.relkind = ''S'' and c.relname in (''refusals_late_reply'', ''refusals_operator_busy'')$$,'
    '                 current_schema())) w'
    '         where w.success and w.result <> ''2'' and to_regclass(''refusals_late_reply'') is not null) as uncounted'
    '  from (select string_agg(c.relname, '', '' order by c.relname) filter (where p.how = ''here'') as here,'
    '               string_agg(c.relname || '' '' || p.how, '', '' order by c.relname) filter (where p.how not in (''here'', ''one shard'')) as otherwise,'
    '               string_agg(c.relname, '', '' order by c.relname) filter (where p.how = ''one shard'') as one_shard,'
    '               string_agg(c.relname, '', '' order by c.relname) filter (where p.how = ''one shard'' and pg_relation_size(c.oid) > 0) as left_here'
    '          from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()'
    '          left join pg_catalog.pg_dist_partition d on d.logicalrelid = c.oid'
    '         cross join lateral (select case when d.logicalrelid is null or d.partmethod = ''n'' and d.repmodel <> ''t'' and d.colocationid = 0 then ''here'''
    '                                         when d.partmethod = ''n'' and d.repmodel = ''t'' then ''reference'''
    '                                         when d.partmethod = ''n'' then ''one shard'''
    '                                         else ''by '' || column_to_column_name(d.logicalrelid, d.partkey) end as how) as p'
    '         where c.relkind in (''r'', ''p'') and not c.relispartition'
    '           and c.relname in (''operators'', ''real_users'', ''fictional_users'', ''chats'', ''messages'', ''chat_assignments'','
    '                             ''operator_activity'', ''platform_config'')) as placed',
    false, true, '') as found
   where exists (select from pg_catalog.pg_extension e where e.extname = 'citus')
), counted as (
  select n.*
    from cluster c
   cross join lateral xmltable('/row' passing c.found
            columns workers int path 'workers', schemas int path 'schemas', here text path 'here', otherwise text path 'otherwise',
                    one_shard text path 'one_shard', left_here text path 'left_here', functions int path 'functions', guards int path 'guards',
                    guards_there int path 'guards_there' default 0, uncounted int path 'uncounted') as n
)
select case when c.otherwise is not null then 'the schema is distributed table by table (' || c.otherwise || '), not as one'
            when c.schemas = 0 and c.one_shard is not null then 'the schema is no tenant, though tables of it are distributed: ' || c.one_shard
            when c.schemas = 0 then 'the schema is not distributed'
            when c.here is not null then 'the schema is distributed in part: ' || c.here || ' on the coordinator alone'
            when c.left_here is not null
              then 'old rows of ' || pg_catalog.cardinality(pg_catalog.string_to_array(c.left_here, ', '))::text
                   || ' tables lie on the coordinator still: no query sees them, but a new index does'
            when c.functions > 0 then c.functions::text || ' of its functions are on the coordinator alone'
            when c.guards > c.guards_there
              then (c.guards - c.guards_there)::text || ' of its ' || c.guards::text || ' guards are missing on the workers'
            else c.uncounted::text || ' of the workers came later and count no refusals' end as trouble,
       current_schema()::text as schema,
       c.workers,
       case when c.left_here is not null
            then pg_catalog.concat_ws(' ', 'do $here$ begin set local citus.enable_ddl_propagation to off; set local citus.enable_unsafe_triggers to on;', spared.off,
                   pg_catalog.format('perform truncate_local_data_after_distributing_table(one::regclass) from unnest(array[%s]) as one;',
                     (select pg_catalog.string_agg(pg_catalog.quote_literal(pg_catalog.format('%I.%I', current_schema(), one)), ', ' order by one)
                        from pg_catalog.string_to_table(c.left_here, ', ') as one)), spared.back, 'end $here$;')
            when c.uncounted > 0
            then pg_catalog.format('select run_command_on_workers(''set citus.enable_ddl_propagation to off; '
                   'create sequence if not exists %1$I.refusals_late_reply minvalue 0 start with 0; '
                   'create sequence if not exists %1$I.refusals_operator_busy minvalue 0 start with 0; '
                   'alter sequence %1$I.refusals_late_reply owner to %2$I; alter sequence %1$I.refusals_operator_busy owner to %2$I'');',
                   current_schema(), (select r.rolname from pg_class t join pg_namespace n on n.oid = t.relnamespace join pg_roles r on r.oid = t.relowner
                                       where n.nspname = current_schema() and t.relname = 'chats')) end as remedy
  from counted c
 cross join lateral (
   -- What follows a TRUNCATE of the tenant's own rows.
   select pg_catalog.string_agg(pg_catalog.format('execute ''alter table %I.%I disable trigger %I'';', current_schema(), r.relname, t.tgname), ' ') as off,
          pg_catalog.string_agg(pg_catalog.format('execute ''alter table %I.%I enable %strigger %I'';', current_schema(), r.relname,
                                  case t.tgenabled when 'A' then 'always ' when 'R' then 'replica ' else '' end, t.tgname), ' ') as back
     from pg_trigger t
     join pg_class r on r.oid = t.tgrelid
     join pg_namespace n on n.oid = r.relnamespace and n.nspname = current_schema()
    where c.left_here is not null and not t.tgisinternal and t.tgtype::integer & 32 <> 0 and t.tgenabled <> 'D'
 ) as spared
 where c.otherwise is not null
    or (c.schemas = 0 and c.one_shard is not null)
    or (c.workers > 0 and c.schemas = 0)
    or (c.schemas > 0 and (c.here is not null or c.left_here is not null or c.functions > 0 or c.guards > c.guards_there or c.uncounted > 0))
