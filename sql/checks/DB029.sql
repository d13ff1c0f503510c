-- What switches off what protects the chats: settings, storage, keys, vacuum, logging in, or rights of everybody?
-- code: DB029
-- title: {count} things switch off what protects the chats
-- title-one: {object} {trouble}
-- narrow: {count} things switch off what protects chats
-- narrow-one: 1 thing switches off what protects chats
-- severity: warning
-- critical: the application cannot come in or write, or its writes pass no guard
-- advice: only a search_path, a preloaded library, synchronous_commit, statistics of a column or autovacuum of our own tables is set so
-- group: schema
-- expected: no setting turns triggers or writing off, no table is lost in a crash, keys are checked, and not everybody may write
-- why: an import was made quicker, or somebody looked for an error, and did not put it back
-- consequence: the finding says what for each: messages vanish in a crash, nothing can be written, stale writes pass, rows refer to nothing, or anybody writes what they like
-- help-sql: {remedy}
-- needs-table: chats
-- only-if: protection_off
-- shares: chat_tables
-- avoids: mergejoin
-- says: a message was lost; somebody did what they may not
-- unplanted: it takes settings and roles of the whole server
-- What is found by another way than before needs its line in sql/queries/protection_off.sql, and in SWITCHED_OFF of tests/test_checks_quick.py.
\set chat_tables `cat sql/checks/shared/chat_tables.sql`
with chat_tables as materialized (:chat_tables),
given as (
  select t.name, t.ours, t.relrowsecurity, a.privilege_type, t.oid as table_oid,
         t.relispartition and not t.relrowsecurity
         and exists (select from chat_tables r where r.relname = t.root and not r.relispartition and r.relrowsecurity) as goes_past,
         case when a.grantee = 0::oid then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end as role
    from chat_tables t
   cross join lateral pg_catalog.aclexplode(t.relacl) as a
   where a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
     and a.grantee <> t.relowner
     and (a.grantee = 0::oid or pg_catalog.pg_get_userbyid(a.grantee) in ('anon', 'authenticated'))
), owners as materialized (
  select t.relowner as oid from chat_tables t where t.relname = 'chats' and not t.ours
), granted as materialized (
  -- Whoever was granted by name to write both chats and messages, or to call what writes messages.
  select w.oid
    from (
      select a.grantee as oid, t.relname
        from chat_tables t
       cross join lateral (
         select e.grantee, e.privilege_type from pg_catalog.aclexplode(t.relacl) as e
         union all
         select e.grantee, e.privilege_type from pg_attribute c cross join lateral pg_catalog.aclexplode(c.attacl) as e where c.attrelid = t.oid
       ) as a
       where not t.ours and ((t.relname = 'messages' and a.privilege_type = 'INSERT') or (t.relname = 'chats' and a.privilege_type in ('INSERT', 'UPDATE')))
       union
      select e.grantee, n.relname
        from pg_proc p
       cross join lateral pg_catalog.aclexplode(p.proacl) as e
       cross join (values ('chats'::name), ('messages'::name)) as n (relname)
       where p.proname in ('user_message', 'operator_reply')
         and p.pronamespace = (select s.oid from pg_namespace s where s.nspname = current_schema())
    ) as w
   where w.oid <> 0::oid
   group by w.oid
  having pg_catalog.count(distinct w.relname) = 2
), writers as materialized (
  with recursive members (oid) as (
    select g.oid from granted g
     union
    -- A role's maker may only hand it on: that is no login of the application's.
    select m.member
      from members w
      join pg_auth_members m on m.roleid = w.oid
     where coalesce((pg_catalog.to_jsonb(m) ->> 'inherit_option'::text)::boolean or (pg_catalog.to_jsonb(m) ->> 'set_option'::text)::boolean, true)
  )
  select w.oid from members w
), as_whom as materialized (
  -- As whom the application comes, or whom its API takes on: by rights of its own, or as a member of a role that has them, as people do.
  select r.oid, r.rolname, r.rolcanlogin, r.rolconnlimit, r.rolvaliduntil, r.rolbypassrls,
         h.platform, h.platform or r.oid in (select g.oid from granted g) as by_name,
         r.rolcanlogin and r.rolconnlimit <> 0 and coalesce(r.rolvaliduntil > now(), true)
         and pg_catalog.has_database_privilege(r.oid, current_database(), 'connect') as comes_in
    from pg_roles r
   cross join lateral (select r.rolname in ('authenticator', 'authenticated', 'anon', 'service_role') as named) as n
   cross join lateral (
     -- On a server of many databases these may be there for another one.
     select n.named and exists (select from chat_tables t cross join lateral pg_catalog.aclexplode(t.relacl) as e
                                 where not t.ours and pg_catalog.pg_get_userbyid(e.grantee) in ('authenticated', 'anon', 'service_role')) as platform
   ) as h
   where not r.rolsuper and (h.platform or (not n.named and r.oid in (select w.oid from writers w) and r.oid not in (select o.oid from owners o)))
), set_for as materialized (
  select x.setdatabase, x.setrole, pg_catalog.split_part(s.setting, '=', 1) as name, pg_catalog.substr(s.setting, pg_catalog.strpos(s.setting, '=') + 1) as value,
         case when x.setrole <> 0::oid then 2 else 0 end + case when x.setdatabase <> 0::oid then 1 else 0 end as closeness
    from pg_db_role_setting x
    left join pg_database d on d.oid = x.setdatabase
   cross join lateral pg_catalog.unnest(x.setconfig) as s (setting)
   where x.setdatabase = 0::oid or d.datname = pg_catalog.current_database()
), settings as (
  select s.name, s.value,
         case when s.setrole = 0::oid then 'everybody' else pg_catalog.quote_ident(r.rolname) end as role,
         case when s.closeness = 0 then 'role all'
              when s.setrole = 0::oid then 'database ' || pg_catalog.quote_ident(current_database())
              else 'role ' || pg_catalog.quote_ident(r.rolname) || case when s.setdatabase <> 0::oid then ' in database ' || pg_catalog.quote_ident(current_database()) else '' end end as place,
         h.whom is not null as of_the_application, coalesce(h.whom = 'all', false) as certain, coalesce(h.whom <> 'perhaps', false) as loud, coalesce(h.logs_in, false) as logs_in
    from set_for s
    left join pg_roles r on r.oid = s.setrole
   cross join lateral (
     -- Whom it stops: all of the application or one of its logins for certain, one of several, or perhaps somebody who means it so.
     select case when s.setrole = 0::oid
                 then case when hit.anybody or not hit.there then 'all' else 'perhaps' end
                 when w.platform or (w.oid is not null and not others.come_in) then 'all'
                 when w.by_name then 'one'
                 when w.oid is not null then 'perhaps'
                 when s.setrole in (select o.oid from owners o) then case when hit.there then 'one' else 'all' end end as whom,
            case when s.setrole = 0::oid then hit.logs_in or not hit.there when w.oid is not null then not w.platform else not hit.there end as logs_in
       from (
         select pg_catalog.count(*) > 0 as there, coalesce(pg_catalog.bool_or(a.won), false) as anybody, coalesce(pg_catalog.bool_or(a.won and not a.platform), false) as logs_in
           from (
             -- What is set closer to a role wins.
             select a.platform, not exists (select from set_for o where o.name = s.name and o.closeness > s.closeness and o.setrole in (a.oid, 0::oid)) as won
               from as_whom a
           ) as a
       ) as hit
      cross join (select pg_catalog.count(*) > 0 as come_in from as_whom o where o.oid <> s.setrole and o.comes_in) as others
       left join as_whom w on w.oid = s.setrole
   ) as h
), limits as (
  select s.name, s.value, s.role, s.place, s.loud, l.least, l.stops, l.hard,
         case when s.value ~ '^ *[0-9]+(\.[0-9]+)? *(us|ms|s|min|h|d)? *$'
              then pg_catalog.substring(s.value, '[0-9.]+')::numeric
                   * case pg_catalog.substring(s.value, '[a-z]+') when 'us' then 0.001 when 's' then 1000 when 'min' then 60000
                          when 'h' then 3600000 when 'd' then 86400000 else 1 end::numeric end as ms
    from (
      select s.name, s.value, s.role, s.place, s.loud from settings s where s.of_the_application
       union all
      -- What the server's own file says, where neither this role nor the database has one set that hides it.
      select p.name, p.reset_val || 'ms', 'this server', null, pg_catalog.count(a.oid) > 0 or not exists (select from as_whom)
        from pg_settings p
        left join as_whom a on not exists (select from set_for o where o.name = p.name and o.setrole in (a.oid, 0::oid))
       where p.unit = 'ms' and p.name ~ '^(statement|transaction|lock|idle_in_transaction_session|idle_session)_timeout$' and p.reset_val <> '0'
         and not exists (select from set_for o where o.name = p.name and (o.setrole = 0::oid or pg_catalog.pg_get_userbyid(o.setrole) = session_user))
       group by p.name, p.reset_val
    ) as s
    join (values ('statement_timeout', 500, 50, 'ordinary work is cut off'), ('transaction_timeout', 500, 50, 'ordinary work is cut off'),
                 ('lock_timeout', 100, 20, 'what waits for a moment fails'), ('idle_in_transaction_session_timeout', 500, 20, 'ordinary work is cut off'),
                 ('idle_session_timeout', 1000, 20, 'sessions end between two requests')) as l (name, least, hard, stops) on l.name = s.name
), who_comes as materialized (
  -- The roles that the hosting's API takes on for a request.
  select r.oid, r.rolname, r.rolbypassrls, r.rolsuper from pg_roles r where r.rolname in ('anon', 'authenticated', 'service_role')
)
select found.object, found.trouble, said.because, said.so,
       -- The session in which it is pasted is read-only, too: its transactions from now on, and the one in which all of it is sent.
       case when pg_catalog.bool_or(found.trouble like '%: nothing can be written') over ()
            then 'set default_transaction_read_only = off; set transaction read write; ' else '' end
       || pg_catalog.string_agg(found.remedy, ' ') over (order by found.trouble like '%: nothing can be written' desc, found.object, found.trouble
                                                      rows between unbounded preceding and unbounded following) as remedy,
       nullif(pg_catalog.concat_ws('; ',
         -- As the server refuses it: not everybody may set these.
         case when found.object in ('setting session_replication_role', 'setting chatops.write')
                   and not pg_catalog.has_parameter_privilege(pg_catalog.substr(found.object, 9), 'set')
              then current_user::text || ' may not reset it: a superuser has to' end,
         'sessions that are open keep it: once it is reset, restart the application''s pool; or a person decides to end them: '
         || case when found.trouble like '% for everybody: %' or not pg_catalog.bool_or(found.trouble like '% for everybody: %') over () then kept.ends end), '') as decides,
       kept.ends as statement, found.stops and not found.advice as critical, found.advice
  from (
    select case c.relkind when 'S' then 'sequence ' else 'table ' end || c.name as object, 'is emptied by a crash' as trouble,
           pg_catalog.format('alter %s %s set logged;', case c.relkind when 'S' then 'sequence' else 'table' end, c.name) as remedy, false as advice, false as stops
      from (
        select t.name, t.relkind, t.relpersistence from chat_tables t where t.relkind = 'r'
        union all
        select case when n.nspname = 'chatops' then 'chatops.' else '' end || pg_catalog.quote_ident(q.relname), q.relkind, q.relpersistence
          from pg_namespace n
          join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = n.oid and d.classid = 'pg_class'::regclass::oid
          join pg_class q on q.oid = d.objid and q.relkind = 'S'
         where n.nspname = 'chatops'
           and not exists (select from pg_depend o where o.classid = 'pg_class'::regclass::oid and o.objid = q.oid and o.deptype in ('a', 'i'))
      ) as c
     where c.relpersistence = 'u'
    union all
    select 'setting ' || s.name, 'is ' || s.value || ' for ' || s.role || ': guards let everything pass', pg_catalog.format('alter %s reset %I;', s.place, s.name), false, s.loud
      from settings s
     where (s.name = 'session_replication_role' and s.value = 'replica') or s.name = 'chatops.write'
    union all
    select 'setting ' || s.name, 'is ' || s.value || ' for ' || s.role || ': nothing can be written',
           pg_catalog.format('alter %s reset %I;', s.place, s.name), not s.loud, s.certain
      from settings s
     where s.of_the_application and s.name = 'default_transaction_read_only' and s.value in ('on', 'true', 'yes', '1')
    union all
    select 'setting ' || s.name, 'is ' || s.reset_val || ' on this server: ' || n.stops, pg_catalog.format('alter system reset %I; select pg_reload_conf();', s.name), false, true
      from pg_settings s
      join (values ('default_transaction_read_only', 'on', 'nothing can be written'),
                   ('session_replication_role', 'replica', 'guards let everything pass')) as n (name, value, stops) on n.name = s.name and n.value = s.reset_val
     where s.source = 'configuration file'
    union all
    select 'setting ' || l.name, 'is ' || l.value || case when l.place is null then ' on ' else ' for ' end || l.role || ': ' || l.stops,
           case when l.place is null then pg_catalog.format('alter system reset %I; select pg_reload_conf();', l.name) else pg_catalog.format('alter %s reset %I;', l.place, l.name) end,
           not l.loud, l.ms < l.hard::numeric
      from limits l
     where l.ms > 0::numeric and l.ms < l.least::numeric
    union all
    select 'setting role', 'is ' || s.value || ' for ' || s.role || ': its sessions are somebody else', pg_catalog.format('alter %s reset role;', s.place), not s.loud, s.loud
      from settings s
     where s.of_the_application and s.name = 'role' and s.value <> 'none'
       -- One role for all logins of an application is ordinary where that one writes as well; without membership nothing becomes of it.
       and not exists (select from granted g join pg_roles o on o.oid = g.oid where o.rolname = pg_catalog.btrim(s.value, '"') and s.logs_in)
       and not exists (select from owners o where pg_catalog.pg_get_userbyid(o.oid) = pg_catalog.btrim(s.value, '"') and s.logs_in)
    union all
    -- An error in place of the rows that policies would show.
    select 'setting row_security', 'is ' || s.value || ' for ' || s.role || ': whoever is under a policy reads and writes nothing',
           pg_catalog.format('alter %s reset row_security;', s.place), not s.loud, s.loud
      from settings s
     where s.of_the_application and s.name = 'row_security' and s.value in ('off', 'false', 'no', '0')
       and s.role <> 'service_role'
       and exists (select from chat_tables t where not t.ours and t.relrowsecurity)
       and exists (select from as_whom w where not w.rolbypassrls and (s.role = 'everybody' or s.role = pg_catalog.quote_ident(w.rolname)))
    union all
    -- What names no schema of ours is not found, where the application names none itself, as the hosting's API does.
    select 'setting search_path', 'is ' || s.value || ' for ' || s.role || ': tables are not found by their names', pg_catalog.format('alter %s reset search_path;', s.place),
           not s.logs_in or not s.loud, s.certain
      from settings s
     where s.of_the_application and s.name = 'search_path' and current_schema() = 'public'
       and s.value !~ '(^|[ ,"])public($|[ ,"])'
    union all
    -- Whether it is there is found out by whoever logs in next.
    select 'setting ' || s.name, 'is ' || s.value || ' for ' || s.role || ': where that is missing nobody can log in', pg_catalog.format('alter %s reset %I;', s.place, s.name), true, false
      from settings s
     where s.of_the_application and s.name in ('session_preload_libraries', 'local_preload_libraries') and s.value <> '' and s.value not like '%safeupdate%'
    union all
    -- By this role the hosting's API comes in.
    select 'role authenticator', 'may not log in: the application is shut out',
           'alter role authenticator login connection limit -1 valid until ''infinity'';', false, true
      from pg_roles r
     where r.rolname = 'authenticator' and (not r.rolcanlogin or r.rolconnlimit = 0 or r.rolvaliduntil < now())
       and exists (select from pg_auth_members m join pg_roles o on o.oid = m.roleid where m.member = r.oid and o.rolname in ('anon', 'authenticated', 'service_role'))
    union all
    select 'role authenticator', 'may not connect to this database: the application is shut out',
           pg_catalog.format('grant connect on database %I to authenticator;', current_database()), false, true
      from pg_roles r
     where r.rolname = 'authenticator' and not pg_catalog.has_database_privilege(r.oid, current_database(), 'connect')
       and exists (select from pg_auth_members m join who_comes o on o.oid = m.roleid where m.member = r.oid)
       and exists (select from chat_tables t cross join lateral pg_catalog.aclexplode(t.relacl) as a join who_comes o on o.oid = a.grantee where not t.ours)
    union all
    -- The logins of an application of its own; a role for several logins has members.
    select 'role ' || pg_catalog.quote_ident(w.rolname), 'writes chats, and ' || m.told, m.remedy, not w.by_name and others.come_in,
           not others.come_in or (w.by_name and w.rolcanlogin)
      from as_whom w
     cross join (select pg_catalog.bool_or(o.comes_in) as any_comes_in from as_whom o) as o
     cross join lateral (select coalesce(o.any_comes_in, false) as come_in) as others
     cross join lateral (
       select 'may not log in any more' as told, pg_catalog.format('alter role %I login;', w.rolname) as remedy
        where not w.rolcanlogin and w.by_name and not exists (select from pg_auth_members g where g.roleid = w.oid and g.member in (select o.oid from writers o))
       union all
       select 'may not log in since its password expired', pg_catalog.format('alter role %I valid until ''infinity'';', w.rolname)
        where w.rolcanlogin and w.rolvaliduntil < now()
       union all
       select 'may not connect to this database', pg_catalog.format('grant connect on database %I to %I;', current_database(), w.rolname)
        where w.rolcanlogin and not pg_catalog.has_database_privilege(w.oid, current_database(), 'connect')
       union all
       select 'may have no connection', pg_catalog.format('alter role %I connection limit -1;', w.rolname)
        where w.rolcanlogin and w.rolconnlimit = 0
     ) as m
     where not w.platform
    union all
    -- Whoever has all of them goes on working, until one is lost.
    select 'role ' || pg_catalog.quote_ident(w.rolname), 'writes chats, and uses all ' || w.rolconnlimit::text || ' connections that it may have: the next is refused',
           pg_catalog.format('alter role %I connection limit -1;', w.rolname), not w.by_name, false
      from as_whom w
     where w.rolcanlogin and w.rolconnlimit > 0
       and (select pg_catalog.count(*) from pg_stat_activity a where a.usesysid = w.oid) >= w.rolconnlimit
    union all
    select 'database ' || pg_catalog.quote_ident(d.datname), 'uses all ' || d.datconnlimit::text || ' connections that it may have: the next is refused',
           pg_catalog.format('alter database %I connection limit -1;', d.datname), false, false
      from pg_database d
     where d.datname = current_database() and d.datconnlimit > 0
       and (select pg_catalog.count(*) from pg_stat_activity a where a.datid = d.oid and a.backend_type = 'client backend') >= d.datconnlimit
    union all
    select 'database ' || pg_catalog.quote_ident(d.datname), 'lets nobody connect',
           pg_catalog.format('alter database %I connection limit -1 allow_connections true;', d.datname), false, true
      from pg_database d
     where d.datname = current_database() and (d.datconnlimit = 0 or not d.datallowconn)
    union all
    select 'database ' || pg_catalog.quote_ident(d.datname), 'sorts text in another way than when its indexes were made: they may miss rows, and let pairs pass',
           pg_catalog.format('reindex database %I; alter database %I refresh collation version;', d.datname, d.datname), false, false
      from pg_database d
     where d.datname = current_database()
       and d.datcollversion <> pg_catalog.pg_database_collation_actual_version(d.oid)
    union all
    select 'collation ' || pg_catalog.quote_ident(l.collname), 'sorts text in another way than when the indexes over it were made: they may miss rows, and let pairs pass',
           l.tables || pg_catalog.format(' alter collation %s refresh version;', l.oid::regcollation), false, false
      from (
        select c.oid, c.collname, c.collversion, pg_catalog.string_agg(pg_catalog.format('reindex table %s;', t.name), ' ') as tables
          from chat_tables t
          join pg_index x on x.indrelid = t.oid
         cross join lateral pg_catalog.unnest(x.indcollation::oid[]) as u (collation_id)
          join pg_collation c on c.oid = u.collation_id
         group by c.oid, c.collname, c.collversion
        -- A library is asked for each version: there are hundreds of collations, and an index goes by one or two.
        offset 0
      ) as l
     where l.collversion <> pg_catalog.pg_collation_actual_version(l.oid)
    union all
    select 'setting ' || s.name, 'is ' || s.value || ' for ' || s.role || ': the newest messages are lost in a crash',
           pg_catalog.format('alter %s reset %I;', s.place, s.name), true, false
      from settings s
     where s.of_the_application and s.name = 'synchronous_commit' and s.value in ('off', 'false', 'no', '0')
    union all
    select 'table ' || t.name, 'does not check its foreign keys', pg_catalog.format('alter table %s enable trigger all;', t.name), false, false
      from chat_tables t
     where exists (select from pg_trigger g where g.tgrelid = t.oid and g.tgisinternal and g.tgenabled in ('D', 'R'))
    union all
    select 'table ' || t.name, 'is left out by autovacuum: it grows with every change, and gets slow', pg_catalog.format('alter table %s reset (autovacuum_enabled);', t.name), t.ours, false
      from chat_tables t
     where exists (select from pg_catalog.pg_options_to_table(t.reloptions) o
                    where o.option_name = 'autovacuum_enabled' and pg_catalog.lower(o.option_value) in ('off', 'false', 'no', '0', 'f', 'n'))
    union all
    select 'table ' || t.name, 'fires no trigger: the catalog says that it has none', pg_catalog.format('update pg_class set relhastriggers = true where oid = %L::regclass;', t.name), false, t.root in ('chats', 'messages', 'chat_assignments', 'operator_activity', 'operators') and not t.ours
      from chat_tables t
      join pg_class c on c.oid = t.oid and not c.relhastriggers
     where exists (select from pg_trigger g where g.tgrelid = t.oid)
    union all
    select 'table ' || t.name, 'renews no index: the catalog says that it has none', pg_catalog.format('update pg_class set relhasindex = true where oid = %L::regclass; reindex table %s;', t.name, t.name), false, t.root in ('chats', 'messages', 'chat_assignments', 'operator_activity', 'operators') and not t.ours
      from chat_tables t
      join pg_class c on c.oid = t.oid and not c.relhasindex
     where exists (select from pg_index x where x.indrelid = t.oid and x.indisready)
    union all
    select 'table ' || t.name, 'is under row level security for its owner, too: what chatops writes there is refused, or not seen',
           pg_catalog.format('alter table %s no force row level security;', t.name), false, false
      from chat_tables t
      join pg_roles o on o.oid = t.relowner and not o.rolsuper and not o.rolbypassrls
     where t.ours and t.relrowsecurity and t.relforcerowsecurity
       and not exists (select from pg_policy p where p.polrelid = t.oid and p.polpermissive and p.polcmd = '*')
    union all
    -- More dead rows than the table will ever have: switched off by another name.
    select 'table ' || t.name, 'is left out by autovacuum: ' || o.option_name || ' is ' || o.option_value, pg_catalog.format('alter table %s reset (%s);', t.name, o.option_name), false, false
      from chat_tables t
     cross join lateral pg_catalog.pg_options_to_table(t.reloptions) as o
     where (o.option_name = 'autovacuum_vacuum_threshold' and o.option_value::numeric >= 100000000::numeric)
        or (o.option_name = 'autovacuum_vacuum_scale_factor' and o.option_value::numeric >= 10::numeric)
    union all
    select 'table ' || t.name, 'has long texts that autovacuum leaves out', pg_catalog.format('alter table %s reset (toast.autovacuum_enabled);', t.name), false, false
      from chat_tables t
      join pg_class k on k.oid = t.reltoastrelid
     where exists (select from pg_catalog.pg_options_to_table(k.reloptions) o
                    where o.option_name = 'autovacuum_enabled' and pg_catalog.lower(o.option_value) in ('off', 'false', 'no', '0', 'f', 'n'))
    union all
    select 'column ' || t.name || '.' || a.attname::text, 'is stored within its row: a long text is refused (row is too big)',
           pg_catalog.format('alter table %s alter column %I set storage extended;', t.name, a.attname), false, false
      from chat_tables t
      join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attstorage = 'p' and a.attlen = -1
      join pg_type y on y.oid = a.atttypid and y.typstorage <> 'p'
     where a.atttypid in ('text'::regtype::oid, 'jsonb'::regtype::oid) or a.attname = 'content'
    union all
    select 'column ' || t.name || '.' || a.attname::text, 'has no statistics: plans go by guesses', pg_catalog.format('alter table %s alter column %I set statistics -1;', t.name, a.attname), true, false
      from chat_tables t
      join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attstattarget = 0
     where not t.ours
    union all
    -- An update of a published row that nothing identifies is an error.
    select 'table ' || t.name, 'is in publication ' || p.pubname::text || ' and has no replica identity: its rows cannot be changed',
           case when x.indexrelid is not null then pg_catalog.format('alter table %s replica identity default;', t.name)
                else pg_catalog.format('alter table %s replica identity full;', t.name) end, false, t.root in ('chats', 'messages', 'chat_assignments', 'operator_activity', 'operators') and not t.ours
      from chat_tables t
      left join pg_index x on x.indrelid = t.oid and x.indisprimary and x.indimmediate
      join pg_publication p on p.pubupdate or p.pubdelete
     where not t.ours
       and t.relkind = 'r'
       and (t.relreplident = 'n' or (t.relreplident = 'd' and x.indexrelid is null)
            or (t.relreplident = 'i' and not exists (select from pg_index r where r.indrelid = t.oid and r.indisreplident)))
       and (p.puballtables
            or exists (select from pg_publication_rel r where r.prpubid = p.oid and r.prrelid = t.oid)
            or exists (select from pg_publication_namespace s join pg_class c on c.relnamespace = s.pnnspid where s.pnpubid = p.oid and c.oid = t.oid))
    union all
    select 'table ' || g.name,
           case when g.ours and pg_catalog.bool_and(g.privilege_type = 'SELECT') then 'may be read by ' || pg_catalog.replace(g.role, 'public', 'everybody')
                when g.ours then 'may be changed by ' || pg_catalog.replace(g.role, 'public', 'everybody')
                when g.goes_past then 'lets ' || pg_catalog.replace(g.role, 'public', 'everybody') || ' past the policies of the table that it is a part of'
                else 'may be written by ' || pg_catalog.replace(g.role, 'public', 'everybody') || ', and row level security does not stop it' end,
           case when g.ours then pg_catalog.format('revoke select, insert, update, delete, truncate, trigger on %s from %s;', g.name, g.role)
                -- Switched on where no policy lets the others in, security would shut them out: then what it must not do is taken from it alone.
                when not g.goes_past and (g.role = 'public' or shut.it)
                then coalesce(keeps.it || ' ', '') || pg_catalog.format('revoke insert, update, delete, truncate, trigger on %s from %s;', g.name, g.role)
                else pg_catalog.format('alter table %s enable row level security;', g.name) end, false, false
      from given g
     cross join lateral (
       select pg_catalog.count(*) > 0 as it
         from who_comes w
        cross join (values ('r', 'SELECT'), ('a', 'INSERT'), ('w', 'UPDATE'), ('d', 'DELETE')) as c (letter, word)
        where w.rolname <> 'anon' and not w.rolbypassrls and not w.rolsuper
          and pg_catalog.has_table_privilege(w.oid, g.table_oid, c.word)
          and not exists (select from pg_policy p
                           where p.polrelid = g.table_oid and p.polpermissive and p.polcmd::text in ('*', c.letter)
                             and (0::oid = any (p.polroles)
                                  or exists (select from pg_catalog.unnest(p.polroles) as o (oid) where o.oid <> 0::oid and pg_catalog.pg_has_role(w.oid, o.oid, 'usage'))))) as shut
     -- What others have by everybody's right alone they are given first.
     cross join lateral (
       select pg_catalog.string_agg(pg_catalog.format('grant %s on %s to %s;', h.words, g.name, h.names), ' ') as it
         from (select x.words, pg_catalog.string_agg(pg_catalog.quote_ident(w.rolname), ', ' order by w.rolname) as names
                 from who_comes w
                cross join lateral (
                  select pg_catalog.string_agg(c.word, ', ' order by c.place) as words
                    from (values (1, 'insert'), (2, 'update'), (3, 'delete')) as c (place, word)
                   where pg_catalog.has_table_privilege(w.oid, g.table_oid, c.word)
                     and not exists (select from pg_class k cross join lateral pg_catalog.aclexplode(k.relacl) as e
                                      where k.oid = g.table_oid and e.privilege_type = pg_catalog.upper(c.word) and e.grantee <> 0::oid
                                        and pg_catalog.pg_has_role(w.oid, e.grantee, 'usage'))) as x
                where g.role = 'public' and w.rolname <> 'anon' and not w.rolsuper and x.words is not null
                group by x.words) as h) as keeps
     where g.ours or g.goes_past or (g.role = 'public' and g.privilege_type = 'TRUNCATE') or (not g.relrowsecurity and g.role in ('public', 'anon') and g.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'))
     group by g.name, g.ours, g.goes_past, g.role, shut.it, keeps.it
    union all
    select 'sequence chatops.' || pg_catalog.quote_ident(q.relname), 'may be set by ' || pg_catalog.replace(r.role, 'public', 'everybody'),
           pg_catalog.format('revoke usage, update on sequence chatops.%I from %s;', q.relname, r.role), false, false
      from pg_namespace n
      join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = n.oid and d.classid = 'pg_class'::regclass::oid
      join pg_class q on q.oid = d.objid and q.relkind = 'S'
     cross join lateral pg_catalog.aclexplode(q.relacl) as a
     cross join lateral (select case when a.grantee = 0::oid then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end) as r (role)
     where n.nspname = 'chatops' and a.privilege_type = 'UPDATE' and a.grantee <> q.relowner and r.role in ('public', 'anon', 'authenticated')
    union all
    select 'schema chatops', 'lets ' || case when a.grantee = 0::oid then 'everybody' else pg_catalog.pg_get_userbyid(a.grantee)::text end || ' create objects',
           pg_catalog.format('revoke create on schema chatops from %s;',
                             case when a.grantee = 0::oid then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end), false, false
      from pg_namespace n
     cross join lateral pg_catalog.aclexplode(n.nspacl) as a
     where n.nspname = 'chatops' and a.privilege_type = 'CREATE' and a.grantee <> n.nspowner
       and (a.grantee = 0::oid or pg_catalog.pg_get_userbyid(a.grantee) in ('anon', 'authenticated'))
    union all
    select 'schema chatops', 'gives ' || pg_catalog.replace(r.role, 'public', 'everybody') || ' rights on what will be made in it',
           pg_catalog.format('alter default privileges for role %I in schema chatops revoke all on %s from %s;', pg_catalog.pg_get_userbyid(a.defaclrole), k.kind, r.role), false, false
      from pg_default_acl a
      join pg_namespace n on n.oid = a.defaclnamespace and n.nspname = 'chatops'
     cross join lateral (select case a.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' end) as k (kind)
     cross join lateral pg_catalog.aclexplode(a.defaclacl) as e
     cross join lateral (select case when e.grantee = 0::oid then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(e.grantee)) end) as r (role)
     where a.defaclobjtype in ('r', 'S') and r.role in ('public', 'anon', 'authenticated')
     group by a.oid, a.defaclrole, k.kind, r.role
  ) as found
 cross join lateral (
   -- What one of these does to people, and where it comes from: of another it would not be true.
   select case when found.trouble like 'sorts text %' then 'the library that sorts text was replaced, or the server''s files came to another machine'
               when found.trouble like '% since its password expired' then 'the password was given an end, and nobody gave it another one'
               when found.trouble ~ '^(may be|lets|gives)\M' and found.object not like 'database %' then 'a script granted it, or somebody looked for an error and did not take it back'
               when found.trouble ~ ' no (trigger|index): the catalog says' then 'somebody wrote into the catalog'
               else 'somebody set it, for an import or to look for an error, and did not put it back' end as because,
          case when found.trouble = 'is emptied by a crash' then 'after a crash of the server, or where a standby takes over, it is empty: what stood in it is lost'
               when found.object = 'setting session_replication_role' then 'no trigger fires for them: stale writes pass, and messages do not reach the queue'
               when found.trouble like '%: guards let everything pass' then 'the guards take their writes for those of our functions: stale writes pass'
               when found.trouble like '%: nothing can be written' then 'each of their writes is refused (25006): no message is stored, and no chat assigned, answered or given back'
               when found.trouble like '%: ordinary work is cut off' then 'their requests that take longer are cancelled or lose their session, messages and replies among them'
               when found.trouble like '%: what waits for a moment fails' then 'a write that meets a lock for longer is refused (55P03): messages and replies of busy chats'
               when found.trouble like '%: sessions end between two requests' then 'the application finds its sessions closed, and its next request fails'
               when found.trouble like '%: its sessions are somebody else' then 'they read and write with that role''s rights, and what they may themselves is not asked'
               when found.trouble like '%: whoever is under a policy reads and writes nothing' then 'each of their requests on a table with policies is an error: they read no chat and write no message'
               when found.trouble like '%: tables are not found by their names' then 'a request that names no schema fails: relation does not exist'
               when found.trouble like '%: where that is missing nobody can log in' then 'each new session loads it; once its file is not there, every login fails'
               when found.trouble ~ ': the application is shut out$' then 'no request of the application gets in: no message is stored, and no chat assigned'
               when found.trouble like '% since its password expired' then 'whoever comes as this role gets no new session: what it writes is not written'
               when found.trouble = 'lets nobody connect' then 'no new session gets in, of the application or of anybody else'
               when found.trouble like 'sorts text %' then 'queries by text may miss rows, and a unique index may let a second one in'
               when found.trouble like '%: the newest messages are lost in a crash' then 'after a crash of the server the last second of messages and turns is gone, though the application was told that they are stored'
               when found.trouble = 'does not check its foreign keys' then 'its rows may refer to chats and people that are not there'
               when found.trouble ~ '(autovacuum|^has no statistics)' then 'queries on it get slower by the day, assigning among them'
               when found.trouble like 'fires no trigger:%' then 'its guards and triggers do nothing: stale writes pass, and what triggers keep is not kept'
               when found.trouble like 'renews no index:%' then 'queries by its indexes miss what was written since, and its keys let a second row in'
               when found.trouble like '%: a long text is refused (row is too big)' then 'whoever writes a long text gets an error, and it is not stored'
               when found.trouble like '%: its rows cannot be changed' then 'each update and delete of it is refused (55000)'
               when found.trouble like 'is under row level security for its owner, too:%' then 'what chatops notes there is lost, or the change with it refused'
               when found.trouble like 'may be read by %' then 'they see what chatops notes: who moved which chat, and why'
               when found.trouble like 'lets % past the policies %' then 'they read and write rows of this part that the policies of its table keep from them'
               when found.trouble like 'may be written by %' then 'they write or delete what they like in it, whosever it is'
               when found.trouble ~ '^may be (changed|set) by ' then 'they change what chatops notes and goes by'
               when found.trouble ~ '^(lets|gives) ' then 'they put or change objects there, which chatops and its functions then work with' end as so
 ) as said
 cross join lateral (
   -- What is in the server's file reaches open sessions by itself, what is loaded at the login is there already.
   select case when found.object like 'setting %' and found.remedy not like 'alter system %' and found.object not like '%preload_libraries'
               then 'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and backend_type = ''client backend'' and pid <> pg_backend_pid()'
                    || case when found.trouble like '% for everybody: %' then ';'
                            else pg_catalog.format(' and usesysid = %L::regrole;', pg_catalog.substring(found.trouble, '.* for (.*): ')) end end as ends
 ) as kept
 order by critical desc, found.advice, found.object, found.trouble
