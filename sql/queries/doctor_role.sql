-- What may this role do here: superuser, RLS bypass, monitoring, and which rights does it lack on which table?
-- tables: text[]; schema: the target schema; rights wanted for acting are those of the commands that move, release and repair chats.
select current_user::text as role,
       (select rolsuper from pg_roles where rolname = current_user) as is_superuser,
       (select rolbypassrls from pg_roles where rolname = current_user) as bypasses_rls,
       pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'usage') as sees_sessions,
       -- By the catalog: to_regclass raises for a role that may not use the schema. By a column: our roles get no more than they need.
       coalesce((select pg_catalog.array_agg(w.relation || ' ' || pg_catalog.lower(w.right_name) order by w.relation, w.right_name)
                   from (values ('chats', 'UPDATE', 'assigned_operator_id'), ('chat_assignments', 'INSERT', 'operator_id'),
                                ('chat_assignments', 'UPDATE', 'released_at'), ('operator_activity', 'INSERT', 'operator_id'),
                                ('operator_activity', 'UPDATE', 'last_activity'), ('operator_activity', 'DELETE', null),
                                ('operators', 'UPDATE', 'is_available'), ('platform_config', 'UPDATE', 'value'),
                                ('chatops.actions', 'INSERT', 'before'))
                        as w (relation, right_name, writes)
                   join pg_namespace as n
                     on n.nspname = case when w.relation like 'chatops.%' then 'chatops' else :'schema'::name end
                   join pg_class as c on c.relnamespace = n.oid and c.relname = pg_catalog.regexp_replace(w.relation, '^chatops[.]', '')
                   left join pg_attribute as a on a.attrelid = c.oid and a.attname = w.writes and not a.attisdropped
                   where not (pg_catalog.has_schema_privilege(n.oid, 'usage')
                              and (pg_catalog.has_table_privilege(c.oid, w.right_name)
                                   or coalesce(pg_catalog.has_column_privilege(c.oid, a.attnum, w.right_name), false)))), '{}')
         as cannot_write,
       -- Where policies decide what this role writes, whatever its grants: none that is plainly true lets it.
       coalesce((select pg_catalog.array_agg(distinct c.relname::text)
                   from (values ('chats', 'w'), ('chat_assignments', 'a'), ('chat_assignments', 'w'), ('operator_activity', 'a'),
                                ('operator_activity', 'w'), ('operator_activity', 'd'), ('operators', 'w'), ('platform_config', 'w'))
                        as w (relation, command)
                   join pg_namespace as n on n.nspname = :'schema'::name
                   join pg_class as c on c.relnamespace = n.oid and c.relname = w.relation
                  where pg_catalog.row_security_active(c.oid)
                    and (select not coalesce(pg_catalog.bool_or(p.polpermissive and p.lets_all), false)
                                or coalesce(pg_catalog.bool_or(not p.polpermissive and not p.lets_all), false)
                           from (select y.polpermissive,
                                        coalesce(pg_catalog.pg_get_expr(y.polqual, y.polrelid), 'true') = 'true'
                                        and coalesce(pg_catalog.pg_get_expr(y.polwithcheck, y.polrelid), 'true') = 'true' as lets_all
                                   from pg_policy as y
                                  where y.polrelid = c.oid and y.polcmd::text in (w.command, '*')
                                    and exists (select from pg_catalog.unnest(y.polroles) as r
                                                 where case when r = 0::oid then true else pg_catalog.pg_has_role(r, 'usage') end)) as p)), '{}')
         as policed,
       -- What there is of the chat tables and somebody else owns: what is not there, migrate makes.
       coalesce((select pg_catalog.array_agg(c.relname::text order by c.relname)
                   from pg_class as c
                   join pg_namespace as n on n.oid = c.relnamespace and n.nspname = :'schema'::name
                  where c.relname = any (:'tables'::text[]) and c.relkind in ('r', 'p')
                    and not pg_catalog.pg_has_role(current_user, c.relowner, 'usage')), '{}') as others_own,
       exists (select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace and n.nspname = :'schema'::name
                where c.relname = any (:'tables'::text[]) and c.relkind in ('r', 'p')) as has_tables,
       (select pg_catalog.has_schema_privilege(n.oid, 'create') from pg_namespace as n where n.nspname = :'schema'::name) as may_create,
       (select pg_catalog.has_schema_privilege(n.oid, 'usage') from pg_namespace as n where n.nspname = :'schema'::name) as may_use,
       exists (select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace and n.nspname = 'chatops'
                where c.relname = 'actions') as has_audit,
       coalesce((select pg_catalog.array_agg(extname::text || ' ' || extversion order by extname) from pg_extension where extname <> 'plpgsql'), '{}')
         as extensions,
       pg_catalog.current_setting('max_connections')::int as max_connections,
       (select pg_catalog.count(*) from pg_stat_activity where backend_type = 'client backend') as connections
