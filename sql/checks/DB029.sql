-- What switches off what protects the chats: settings, storage, keys, or rights of everybody?
-- code: DB029
-- title: {count} things switch off what protects the chats
-- title-one: {object} {trouble}
-- severity: warning
-- group: schema
-- expected: no setting turns triggers off, no table is lost in a crash, keys are checked, and not everybody may write
-- why: an import was made quicker, or somebody looked for an error, and did not put it back
-- consequence: messages vanish in a crash, stale writes pass, rows refer to nothing, or anybody writes what they like
-- help-sql: {remedy}
-- needs-table: chats
-- says: a message was lost · somebody did what they may not
-- unplanted: it takes settings and roles of the whole server
with tables as materialized (
  select c.oid, c.relname, c.relpersistence, c.relrowsecurity, c.relacl, c.relowner,
         case when n.nspname = 'chatops' then 'chatops.' else '' end || pg_catalog.quote_ident(c.relname) as name, n.nspname = 'chatops' as ours
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p')
     and (n.nspname = 'chatops'
          or (n.nspname = current_schema()
              and c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments',
                                'operator_activity', 'platform_config')))
), granted as (
  select t.name, t.ours, t.relrowsecurity, a.privilege_type,
         case when a.grantee = 0::oid then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end as role
    from tables t
   cross join lateral pg_catalog.aclexplode(t.relacl) as a
   where a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
     and a.grantee <> t.relowner
     and (a.grantee = 0::oid or pg_catalog.pg_get_userbyid(a.grantee) in ('anon', 'authenticated'))
)
select found.object, found.trouble, pg_catalog.string_agg(found.remedy, ' ') over () as remedy
  from (
    select 'table ' || t.name as object, 'is emptied by a crash' as trouble,
           pg_catalog.format('alter table %s set logged;', t.name) as remedy
      from tables t
     where t.relpersistence = 'u'
    union all
    select 'setting ' || pg_catalog.split_part(s.setting, '=', 1),
           'is ' || pg_catalog.split_part(s.setting, '=', 2) || ' for '
           || case when r.rolname is null then 'everybody' else pg_catalog.quote_ident(r.rolname) end || ': guards let everything pass',
           pg_catalog.format('alter %s reset %I;',
                             case when r.rolname is null then 'database ' || pg_catalog.quote_ident(d.datname)
                                  else 'role ' || pg_catalog.quote_ident(r.rolname)
                                       || coalesce(' in database ' || pg_catalog.quote_ident(d.datname), '') end,
                             pg_catalog.split_part(s.setting, '=', 1))
      from pg_db_role_setting x
      left join pg_database d on d.oid = x.setdatabase
      left join pg_roles r on r.oid = x.setrole
     cross join lateral pg_catalog.unnest(x.setconfig) as s (setting)
     where (x.setdatabase = 0::oid or d.datname = pg_catalog.current_database())
       and (s.setting = 'session_replication_role=replica' or pg_catalog.starts_with(s.setting, 'chatops.write='))
    union all
    select 'table ' || t.name, 'does not check its foreign keys', pg_catalog.format('alter table %s enable trigger all;', t.name)
      from tables t
     where exists (select from pg_trigger g where g.tgrelid = t.oid and g.tgisinternal and g.tgenabled = 'D')
    union all
    select 'table ' || g.name,
           case when g.ours then 'may be changed by ' || pg_catalog.replace(g.role, 'public', 'everybody')
                else 'may be written by ' || pg_catalog.replace(g.role, 'public', 'everybody') || ', and row level security is off' end,
           case when g.ours or g.role = 'public'
                then pg_catalog.format('revoke insert, update, delete, truncate, trigger on %s from %s;', g.name, g.role)
                else pg_catalog.format('alter table %s enable row level security;', g.name) end
      from granted g
     where g.ours or (not g.relrowsecurity and g.role in ('public', 'anon') and g.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'))
     group by g.name, g.ours, g.role
    union all
    select 'schema chatops', 'lets ' || case when a.grantee = 0::oid then 'everybody' else pg_catalog.pg_get_userbyid(a.grantee)::text end || ' create objects',
           pg_catalog.format('revoke create on schema chatops from %s;',
                             case when a.grantee = 0::oid then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end)
      from pg_namespace n
     cross join lateral pg_catalog.aclexplode(n.nspacl) as a
     where n.nspname = 'chatops' and a.privilege_type = 'CREATE' and a.grantee <> n.nspowner
       and (a.grantee = 0::oid or pg_catalog.pg_get_userbyid(a.grantee) in ('anon', 'authenticated'))
  ) as found
 order by 1, 2
