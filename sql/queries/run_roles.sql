-- Which roles work on the chats, and which of assigning and releasing may each call: granted, or as everybody may?
\set roles_at_work `cat sql/queries/shared/roles_at_work.sql`
with works as materialized (:roles_at_work)
select w.rolname::text as role, w.rolcanlogin as logs_in,
       coalesce((select pg_catalog.array_agg(m.rolname::text order by m.rolname) from pg_roles m
                  where m.rolcanlogin and not m.rolsuper and m.oid <> w.oid and pg_catalog.pg_has_role(m.oid, w.oid, 'member'::text)), '{}') as members,
       w.writes,
       coalesce(pg_catalog.array_agg(f.name order by f.name) filter (where f.name is not null), '{}') as calls,
       coalesce(pg_catalog.bool_and(f.granted), false) as granted
  from works w
  left join lateral (
    select p.proname::text as name,
           exists (select from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f'::"char", p.proowner))) as a
                     join pg_roles g on g.oid = a.grantee
                    where a.privilege_type = 'EXECUTE' and pg_catalog.pg_has_role(w.oid, g.oid, 'usage'::text)) as granted
      from pg_proc p
      join pg_namespace n on n.oid = p.pronamespace and n.nspname = current_schema()
     where pg_catalog.format('%s(%s)', p.proname, pg_catalog.oidvectortypes(p.proargtypes))
           in ('assign_chat_to_operator(uuid)', 'release_and_reassign_chat(uuid, text)')
       and pg_catalog.has_function_privilege(w.oid, p.oid, 'execute'::text)
  ) as f on true
 group by w.oid, w.rolname, w.rolcanlogin, w.writes
 order by not w.writes, w.rolname
