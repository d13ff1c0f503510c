-- Which of the platform's roles are not on this server?
select named.role
  from pg_catalog.unnest(array['anon', 'authenticated', 'service_role']) with ordinality as named(role, place)
 where not exists (select from pg_catalog.pg_roles as there where there.rolname = named.role)
 order by named.place
