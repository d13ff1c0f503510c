-- Keeps what protects and publishes the tables of this schema, each with the statement that brings it back; forgets nothing.
insert into chatops.settings as s (target_schema, key, value, reason)
select current_schema(), 'safety', pg_catalog.jsonb_object_agg(found.label, pg_catalog.jsonb_build_object('table', found.relation, 'sql', found.statement)),
       'what protects and publishes the tables: DB030 tells what of it is gone'
  from (
    select 'row level security of ' || c.relname::text as label, c.relname::text as relation,
           pg_catalog.format('alter table %I enable row level security;', c.relname) as statement
      from pg_catalog.pg_class as c
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname = current_schema()
     where c.relrowsecurity and not c.relispartition
    union all
    select 'policy ' || p.policyname::text || ' of ' || p.tablename::text, p.tablename::text,
           pg_catalog.format('create policy %I on %I as %s for %s to %s%s%s;', p.policyname, p.tablename, p.permissive, p.cmd,
                             (select pg_catalog.string_agg(case when r = 'public' then 'public' else pg_catalog.quote_ident(r) end, ', ')
                                from pg_catalog.unnest(p.roles) as r),
                             ' using (' || p.qual || ')', ' with check (' || p.with_check || ')')
      from pg_catalog.pg_policies as p
     where p.schemaname = current_schema()
    union all
    select t.tablename::text || ' in publication ' || t.pubname::text, t.tablename::text,
           pg_catalog.format('alter publication %I add table %I;', t.pubname, t.tablename)
      from pg_catalog.pg_publication_tables as t
      join pg_catalog.pg_publication as p on p.pubname = t.pubname and not p.puballtables
     where t.schemaname = current_schema()
  ) as found
having pg_catalog.count(*) > 0
on conflict (target_schema, key) do update
   set value = s.value || excluded.value, set_at = pg_catalog.clock_timestamp(), set_by = session_user
 where s.value || excluded.value is distinct from s.value
