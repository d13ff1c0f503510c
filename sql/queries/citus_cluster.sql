-- What is this node of a Citus cluster, and how do the chats of this schema lie on it? For databases with the extension only.
with placed as (
  select c.relname,
         case when p.logicalrelid is null then 'here'
              when p.partmethod = 'n' and p.repmodel = 't' then 'reference'
              when p.partmethod = 'n' and p.colocationid = 0 then 'here'
              when p.partmethod = 'n' then 'one shard'
              else 'by ' || coalesce(pg_catalog.column_to_column_name(p.logicalrelid, p.partkey), '?') end as how
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = :'schema'
    left join pg_catalog.pg_dist_partition p on p.logicalrelid = c.oid
   where c.relkind in ('r', 'p')
     and not c.relispartition
     and c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments', 'operator_activity',
                       'platform_config')
)
select (select e.extversion from pg_extension e where e.extname = 'citus') as version,
       coalesce((select l.groupid = 0 from pg_catalog.pg_dist_local_group l), true) as coordinator,
       (select pg_catalog.count(*) from pg_catalog.pg_dist_node n
         where n.groupid <> 0 and n.noderole = 'primary' and n.isactive)::int as workers,
       exists (select from pg_catalog.pg_dist_schema s
                 join pg_catalog.pg_namespace n on n.oid = s.schemaid
                where n.nspname = :'schema') as distributed_schema,
       array(select p.relname || ' ' || p.how from placed p where p.how not in ('here', 'one shard') order by 1) as otherwise,
       array(select p.relname::text from placed p where p.how = 'one shard' order by 1) as on_one_shard,
       array(select p.relname::text from placed p where p.how = 'here' order by 1) as here,
       exists (select from pg_catalog.pg_dist_partition p
                 join pg_catalog.pg_class c on c.oid = p.logicalrelid
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                where n.nspname = 'chatops' and c.relname = 'settings') as shared_settings,
       exists (select from pg_catalog.pg_dist_node n where n.groupid = 0) as in_metadata,
       exists (select from pg_catalog.pg_dist_node n where n.noderole = 'primary' and n.isactive and n.shouldhaveshards) as has_room,
       -- What the server would fold or take for a word of its own; a dollar sign behind the first letter and letters beyond ASCII pass.
       (select pg_catalog.quote_ident(plain) <> plain
          from pg_catalog.regexp_replace(:'schema'::text, '(?<=.)[$]|[^\u0001-\u007f]', 'x', 'g') as plain) as needs_quotes,
       (select r.rolsuper or exists (select from pg_catalog.pg_dist_object o
                                      where o.classid = 'pg_catalog.pg_authid'::regclass and o.objid = r.oid)
          from pg_catalog.pg_roles r where r.rolname = current_user) as role_known,
       array(select n.nodename || ':' || n.nodeport from pg_catalog.pg_dist_node n
              where n.groupid <> 0 and n.noderole = 'primary' and not (n.isactive and n.hasmetadata and n.metadatasynced)
              order by 1) as out_of_step
