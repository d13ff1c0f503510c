-- What this server does not have of what files may lean on: extensions, roles and schemas by name; an extension that only a
-- superuser may make is told apart.
select kind, name
  from (select 'extension' as kind, wanted.name,
               exists (select from pg_available_extensions as e where e.name = wanted.name) as there
          from pg_catalog.unnest(:'extensions'::text[]) as wanted (name)
        union all
        select 'extension for a superuser alone', wanted.name,
               exists (select from pg_extension as e where e.extname = wanted.name)
               or coalesce((select pg_catalog.bool_or(v.trusted) from pg_available_extension_versions as v where v.name = wanted.name), true)
               or (select rolsuper from pg_roles where rolname = current_user)
          from pg_catalog.unnest(:'extensions'::text[]) as wanted (name)
        union all
        select 'role', wanted.name, exists (select from pg_roles as r where r.rolname = wanted.name)
          from pg_catalog.unnest(:'roles'::text[]) as wanted (name)
        union all
        select 'schema', wanted.name, exists (select from pg_namespace as n where n.nspname = wanted.name)
          from pg_catalog.unnest(:'schemas'::text[]) as wanted (name)) as asked
 where not there
 order by kind, name;
