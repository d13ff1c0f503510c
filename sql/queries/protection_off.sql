-- Whether anything may switch off what protects the chats: where nothing does, DB029 has nothing to tell, and to plan all that it can
-- tell takes four times as long. Each line holds wherever a part of DB029 finds anything, and more often.
\set chat_tables `cat sql/checks/shared/chat_tables.sql`
with chat_tables as materialized (:chat_tables),
written_by as materialized (
  -- Whoever was granted anything of the chat tables by name, or to call what writes messages: nobody else's troubles are the chats'.
  -- Of who owns the chats only what is set for a role is asked, and has a line of its own.
  select r.oid, r.rolname, r.rolcanlogin, r.rolsuper
    from pg_roles r
   where not r.rolsuper
     and not exists (select from chat_tables t where t.relname = 'chats' and not t.ours and t.relowner = r.oid)
     and r.oid in (select e.grantee
                     from chat_tables t
                    cross join lateral pg_catalog.aclexplode(t.relacl) as e
                    where not t.ours
                   union all
                   select e.grantee
                     from chat_tables t
                    cross join lateral (select a.attacl from pg_attribute a where a.attrelid = t.oid and a.attacl is not null offset 0) as a
                    cross join lateral pg_catalog.aclexplode(a.attacl) as e
                    where not t.ours
                   union all
                   select e.grantee from pg_proc p cross join lateral pg_catalog.aclexplode(p.proacl) as e
                    where p.proname in ('user_message', 'operator_reply') and p.pronamespace = (select n.oid from pg_namespace n where n.nspname = current_schema()))
), of_ours as materialized (
  select q.relpersistence, q.relacl, q.relowner
    from pg_namespace n
    join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = n.oid and d.classid = 'pg_class'::regclass::oid
    join pg_class q on q.oid = d.objid and q.relkind = 'S'
   where n.nspname = 'chatops'
)
select exists (select from chat_tables t
                 join pg_class c on c.oid = t.oid
                where t.relpersistence = 'u' or t.relforcerowsecurity and t.ours
                   or pg_catalog.array_to_string(t.reloptions, ',') ~ 'autovacuum_(enabled=|vacuum_threshold=(?!\d{1,8}(,|$))|vacuum_scale_factor=(?!0?\.\d+(,|$)))'
                   or not c.relhastriggers and exists (select from pg_trigger g where g.tgrelid = t.oid)
                   or not c.relhasindex and exists (select from pg_index x where x.indrelid = t.oid))
    or exists (select from chat_tables t join pg_class k on k.oid = t.reltoastrelid where pg_catalog.array_to_string(k.reloptions, ',') ~ 'autovacuum_enabled=')
    or exists (select from of_ours q where q.relpersistence = 'u')
    or exists (select from chat_tables t cross join lateral (select g.tgenabled from pg_trigger g where g.tgrelid = t.oid and g.tgisinternal offset 0) as g where g.tgenabled in ('D', 'R'))
    or exists (select from chat_tables t
                cross join lateral (select a.attname, a.atttypid, a.attstorage, a.attlen, a.attstattarget from pg_attribute a where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped offset 0) as a
                where a.attstorage = 'p' and a.attlen = -1 and (a.atttypid in ('text'::regtype::oid, 'jsonb'::regtype::oid) or a.attname = 'content') or a.attstattarget = 0)
       -- What is set for roles and databases, and what the server's file says; a time of a second or more is long enough.
    or exists (select from pg_db_role_setting x
                 left join pg_database d on d.oid = x.setdatabase
                cross join lateral pg_catalog.unnest(x.setconfig) as s (setting)
                where (x.setdatabase = 0::oid or d.datname = current_database())
                  and (s.setting ~ '^(session_replication_role|chatops\.write)=' or x.setrole = 0::oid or exists (select from chat_tables t where t.relname = 'chats' and t.relowner = x.setrole) or exists (select from written_by))
                  and s.setting ~ '^(session_replication_role|chatops\.write|default_transaction_read_only|role|row_security|search_path|session_preload_libraries|local_preload_libraries|synchronous_commit|(statement|transaction|lock|idle_in_transaction_session|idle_session)_timeout)='
                  and s.setting !~ '_timeout=([1-9]\d*(s|min|h|d)|0)$')
    or exists (select from pg_settings p
                where case when p.unit = 'ms' then p.name ~ '^(statement|transaction|lock|idle_in_transaction_session|idle_session)_timeout$' and p.reset_val::numeric between 1::numeric and 999::numeric
                           else p.name in ('default_transaction_read_only', 'session_replication_role') and p.source = 'configuration file' and p.reset_val in ('on', 'replica') end)
       -- Who may not come in.
    or exists (select from pg_roles r
                where r.rolname = 'authenticator' and (not r.rolcanlogin or r.rolconnlimit = 0 or r.rolvaliduntil < now() or not pg_catalog.has_database_privilege(r.oid, current_database(), 'connect')))
    or exists (select from written_by)
       and (exists (select from pg_roles r where r.rolcanlogin and not r.rolsuper and (r.rolconnlimit >= 0 or r.rolvaliduntil < now() or not pg_catalog.has_database_privilege(r.oid, current_database(), 'connect')))
            or exists (select from written_by w
                        where not w.rolcanlogin and not w.rolsuper and w.rolname not in ('authenticator', 'authenticated', 'anon', 'service_role')
                          and not exists (select from pg_auth_members m
                                           where m.roleid = w.oid
                                             and coalesce((pg_catalog.to_jsonb(m) ->> 'inherit_option'::text)::boolean or (pg_catalog.to_jsonb(m) ->> 'set_option'::text)::boolean, true))))
    or exists (select from pg_database d
                where d.datname = current_database()
                  and (d.datconnlimit >= 0 or not d.datallowconn or d.datcollversion <> pg_catalog.pg_database_collation_actual_version(d.oid)))
    or exists (select from chat_tables t
                cross join lateral (select x.indcollation from pg_index x where x.indrelid = t.oid offset 0) as x
                cross join lateral pg_catalog.unnest(x.indcollation::oid[]) as u (collation_id)
                where exists (select from pg_collation c where c.oid = u.collation_id and c.collversion is not null))
    or exists (select from pg_publication p where p.pubupdate or p.pubdelete)
       and exists (select from chat_tables t where not t.ours and t.relkind = 'r' and (t.relreplident in ('n', 'i') or not exists (select from pg_index x where x.indrelid = t.oid and x.indisprimary and x.indimmediate)))
       -- What everybody may do, or those whom the hosting's API lets in.
    or exists (select from (
                 select t.relacl as acl, t.relowner as owner, t.ours, t.relispartition as any_right, t.relrowsecurity from chat_tables t
                 union all
                 select q.relacl, q.relowner, true, false, false from of_ours q
                 union all
                 select n.nspacl, n.nspowner, true, false, false from pg_namespace n where n.nspname = 'chatops'
                 union all
                 select a.defaclacl, 1::oid, true, true, false from pg_default_acl a join pg_namespace n on n.oid = a.defaclnamespace and n.nspname = 'chatops'
               ) as g
                cross join lateral pg_catalog.aclexplode(g.acl) as a
                where a.grantee <> g.owner and (a.grantee = 0::oid or pg_catalog.pg_get_userbyid(a.grantee) in ('anon', 'authenticated'))
                  and (g.ours and a.privilege_type <> 'USAGE' or g.any_right or a.grantee = 0::oid and a.privilege_type = 'TRUNCATE'
                       or not g.relrowsecurity and a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'))) as found
