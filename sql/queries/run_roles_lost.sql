-- Which calls could a role make before files took them from everybody, and can it not now? As migrate kept it, with the grant.
select k.value -> 'is'::text ->> 'role'::text as role, p.proname::text as name, k.value ->> 'sql'::text as remedy
  from chatops.settings s
 cross join lateral pg_catalog.jsonb_each(s.value) as k
  join pg_roles r on r.rolname = k.value -> 'is'::text ->> 'role'::text
  join pg_proc p on p.oid = pg_catalog.to_regprocedure(pg_catalog.split_part(k.key, ' may execute ', 2))::oid
 where s.target_schema = current_schema()
   and s.key = 'safety'
   and k.key like '% may execute %'
   and not pg_catalog.has_function_privilege(r.oid, p.oid, 'execute'::text)
 order by 1, 2
