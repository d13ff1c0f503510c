-- What may this role do here: superuser, RLS bypass, monitoring, and which rights does it lack on which table?
-- tables: text[]; rights wanted for acting are those of the commands that move, release and repair chats.
select current_user::text as role,
       (select rolsuper from pg_roles where rolname = current_user) as is_superuser,
       (select rolbypassrls from pg_roles where rolname = current_user) as bypasses_rls,
       pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'usage') as sees_sessions,
       coalesce((select pg_catalog.array_agg(w.relation || ' ' || pg_catalog.lower(w.right_name) order by w.relation, w.right_name)
                   from (values ('chats', 'UPDATE'), ('chat_assignments', 'INSERT'), ('chat_assignments', 'UPDATE'),
                                ('operator_activity', 'INSERT'), ('operator_activity', 'UPDATE'), ('operator_activity', 'DELETE'),
                                ('operators', 'UPDATE'), ('platform_config', 'UPDATE'), ('chatops.actions', 'INSERT'))
                        as w (relation, right_name)
                   where pg_catalog.to_regclass(w.relation) is not null
                     and not pg_catalog.has_table_privilege(pg_catalog.to_regclass(w.relation), w.right_name)), '{}') as cannot_write,
       coalesce((select pg_catalog.array_agg(t.name order by t.name) from pg_catalog.unnest(:'tables'::text[]) t (name)
                   where pg_catalog.to_regclass(t.name) is not null
                     and pg_catalog.pg_has_role(current_user, (select relowner from pg_class where oid = pg_catalog.to_regclass(t.name)::oid), 'usage')), '{}')
         as owns,
       pg_catalog.to_regclass('chatops.actions') is not null as has_audit,
       coalesce((select pg_catalog.array_agg(extname::text || ' ' || extversion order by extname) from pg_extension where extname <> 'plpgsql'), '{}')
         as extensions,
       pg_catalog.current_setting('max_connections')::int as max_connections,
       (select pg_catalog.count(*) from pg_stat_activity where backend_type = 'client backend') as connections
