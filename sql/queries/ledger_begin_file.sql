-- Records a file before it runs, with the definitions of the functions and views that it is about to replace.
insert into chatops.migrations (
  target_schema, source, name, number, kind, state, checksum, statements, steps_done, replaced, started_at,
  chatops_version, git_revision, waited_ms
)
select :'target_schema', :'source', :'name', :'number'::bigint, :'kind', :'state', :'checksum', :'statements'::jsonb, 0,
       (select jsonb_object_agg(found.object, found.definition)
          from (select p.oid::regprocedure::text as object, pg_get_functiondef(p.oid) as definition
                  from pg_proc as p
                 where p.pronamespace = (select oid from pg_namespace where nspname = :'target_schema')
                   and p.prokind in ('f', 'p')
                   and p.proname = any (:'replaces'::text[])
                union all
                select c.oid::regclass::text, pg_get_viewdef(c.oid)
                  from pg_class as c
                 where c.relnamespace = (select oid from pg_namespace where nspname = :'target_schema')
                   and c.relkind = 'v'
                   and c.relname = any (:'replaces'::text[])) as found),
       clock_timestamp(), :'chatops_version', :'git_revision', :'waited_ms'::double precision
on conflict (target_schema, source, name) do update
   set checksum = excluded.checksum, statements = excluded.statements, state = excluded.state,
       replaced = coalesce(excluded.replaced, migrations.replaced), started_at = excluded.started_at, applied_at = null,
       steps_done = 0, rows_changed = null, applied_by = session_user, run_id = excluded.run_id, os_user = excluded.os_user,
       chatops_version = excluded.chatops_version, git_revision = excluded.git_revision, waited_ms = excluded.waited_ms;
