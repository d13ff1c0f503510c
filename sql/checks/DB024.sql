-- Which tables have policies that nobody obeys, and whom do policies shut out who must get past them?
-- code: DB024
-- title: row level security of {count} tables is off in spite of policies, or shuts out who must get past
-- title-one: the table {object} {trouble}
-- narrow: {count} tables have policies that fail
-- narrow-one: 1 table has policies that fail
-- severity: warning
-- critical: somebody who works with chats, messages or turns is shut out
-- group: schema
-- expected: where there are policies, row level security is on, and whoever may use the chat tables gets past them
-- why: somebody switched it off for an import or to look for an error, or shut everybody out for a while
-- consequence: rows are open that policies mean to close, or closed to those who need them
-- help-sql: {remedy}
-- help-text: {told}
-- needs-table: chats
-- says: somebody did what they may not; nobody answers
-- A policy that is always false for `anon` alone is a lock on the front door, and no trouble. Of a table that is under row level
-- security and lets nobody in, only what else the role may do tells whether that was meant.
-- A statement never takes from a role what it may do today: before security is switched on again, what no policy allows yet is allowed.
with tables as materialized (
  select c.oid, c.relname, pg_catalog.format('%I', c.relname) as name, c.relrowsecurity as secured, c.relforcerowsecurity as forced, c.relowner, c.relacl, n.nspname,
         case when c.relname in ('chats', 'messages', 'chat_assignments') then 'raw'
              when c.relname = 'operator_activity' then 'rawd'
              when c.relname = 'operators' then 'rw' else 'r' end as needs,
         c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments', 'operator_activity',
                       'platform_config') as of_chats
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
   where c.relkind in ('r', 'p')
     -- A partition is read through its parent.
     and not c.relispartition
     and (c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments', 'operator_activity',
                        'platform_config')
          or exists (select from pg_policy p where p.polrelid = c.oid))
     and exists (select from pg_class s where s.relnamespace = n.oid and (s.relrowsecurity or exists (select from pg_policy p where p.polrelid = s.oid)))
), policies as materialized (
  select p.oid, p.polrelid, p.polname, p.polcmd, p.polpermissive, p.polroles, y.qual, y.with_check, y.roles,
         never.sees_none, never.takes_none or never.sees_none and y.with_check is null as takes_none
    from tables t
    join pg_policy p on p.polrelid = t.oid
    join pg_policies y on y.schemaname = t.nspname and y.tablename = t.relname and y.policyname = p.polname
   cross join lateral (
     select coalesce(pg_catalog.bool_or(k.of_rows and never.holds), false), coalesce(pg_catalog.bool_or(not k.of_rows and never.holds), false)
       from (values (true, y.qual), (false, y.with_check)) as k (of_rows, condition)
      cross join lateral (
        select (k.condition = 'false'
                -- One that looks at nothing but literals and the clock is asked as a query by ts_stat, which reads its text.
                or (pg_catalog.regexp_replace(k.condition, '''(?:[^'']|'''')*''|::(text|date|timestamp with time zone|interval|boolean|integer)\M', '', 'g') ~ '^(\s|[0-9().=<>+-]|now\(\)|AND|OR|NOT|true|false)*$'
                    and (select pg_catalog.count(*) from pg_catalog.ts_stat(
                           pg_catalog.format('select pg_catalog.array_to_tsvector(array[''shut'']) where (%s) is not true', k.condition))) > 0)
                or exists (
                  select from pg_depend d
                    join pg_proc f on f.oid = d.refobjid
                   where d.classid = 'pg_policy'::regclass::oid and d.objid = p.oid and d.refclassid = 'pg_proc'::regclass::oid
                     and k.condition ~ ('^(\w+\.)?"?' || f.proname::text || '"?\(\)$')
                     and f.prosrc ~* '^\s*(begin\s+return|select)\s+\(?(false|null(::bool(ean)?)?)\)?\s*;?\s*(end\s*;?\s*)?$')) as holds) as never
      where k.condition is not null) as never (sees_none, takes_none)
), roles as materialized (
  -- Whom policies bind: neither superusers nor owners nor who bypasses them. Whoever has all rights is one of the three.
  select r.oid, r.rolname
    from pg_roles r
   where not r.rolsuper and not r.rolbypassrls
     and r.rolname not in ('anon', 'authenticator') and r.rolname::text !~ '^(pg_|chatops_)'
     and exists (select from tables t cross join lateral pg_catalog.aclexplode(t.relacl) as a where a.grantee = r.oid)
), commands as materialized (
  -- What each role is granted of what the application needs, and whether a policy would let it.
  select t.oid as table_oid, t.relname, r.oid as role_oid, r.rolname, c.letter, c.command,
         exists (
           select from policies p
            where p.polrelid = t.oid and p.polpermissive and p.polcmd in (c.letter, '*')
              and (0::oid = any (p.polroles) or exists (select from pg_catalog.unnest(p.polroles) as o (oid) where o.oid <> 0::oid and pg_catalog.pg_has_role(r.oid, o.oid, 'usage')))
              and not case when c.letter = 'a' then p.takes_none else p.sees_none end) as let_in
    from tables t
   cross join roles r
   cross join (values ('r'::"char", 'select'), ('a', 'insert'), ('w', 'update'), ('d', 'delete')) as c (letter, command)
   where pg_catalog.strpos(t.needs, c.letter::text) > 0
     and not pg_catalog.pg_has_role(r.oid, t.relowner, 'usage')
     and case when c.letter = 'd' then pg_catalog.has_table_privilege(r.oid, t.oid, c.command) else pg_catalog.has_any_column_privilege(r.oid, t.oid, c.command) end
)
, shut as materialized (
  -- Restrictive policies that hold for no row, of the tables of the chats.
  select p.*, pg_catalog.format('drop policy %I on %s;', p.polname, t.name) as dropping,
         case p.polcmd when 'r' then 'r' when 'a' then 'a' when 'w' then 'w' when 'd' then 'd'
              else case when p.sees_none then 'rwd' else 'w' end || case when p.takes_none then 'a' else '' end end as letters
    from policies p
    join tables t on t.oid = p.polrelid and t.of_chats
   where not p.polpermissive and (p.sees_none or p.takes_none)
     and p.roles operator(pg_catalog.<>) array['anon']::name[]
), off as (
  -- Security is off: what policies would do.
  select t.oid, t.name as object, pg_catalog.array_agg(p.polname order by p.polname) as policies,
         case when b.lets_in then pg_catalog.format('has %s, and row level security is off', case when pg_catalog.count(*) = 1 then 'a policy' else pg_catalog.count(*)::text || ' policies' end)
              else pg_catalog.format('has %s nothing: row level security is off', case when pg_catalog.count(*) = 1 then 'a policy that does' else pg_catalog.count(*)::text || ' policies that do' end) end as trouble,
         case when b.lets_in then 'every logged-in user reads and writes every row of ' || t.name || ' that the grants allow'
              else 'nothing today; switched on as it is, row level security would shut everybody out of ' || t.name || ', so it stays off' end as so,
         case when b.lets_in then 'somebody switched it off for an import or to look for an error'
              else 'somebody made a policy, and did not switch row level security on' end as because,
         case when b.lets_in
              then pg_catalog.concat_ws(' ', (select pg_catalog.string_agg(s.dropping, ' ' order by s.polname) from shut s where s.polrelid = t.oid),
                                        lacking.makes, pg_catalog.format('alter table %s enable row level security;', t.name))
              else pg_catalog.string_agg(pg_catalog.format('drop policy %I on %s;', p.polname, t.name), ' ' order by p.polname) end as remedy,
         case when b.lets_in and lacking.makes is not null
              then 'no policy of ' || t.name || ' allows ' || lacking.what || ': the new ones allow it as it is allowed today; tighten them afterwards' end as told,
         false as critical
    from tables t
    join policies p on p.polrelid = t.oid
   -- A policy that lets some in: who is granted the table and finds none is given today's rights by one of its own.
   cross join lateral (select pg_catalog.bool_or(o.polpermissive and not o.sees_none and not (o.polcmd = 'a' and o.takes_none)) as lets_in
                         from policies o where o.polrelid = t.oid) as b
    left join lateral (
      select pg_catalog.string_agg(pg_catalog.format('create policy %I on %s for %s to %s%s%s;', t.relname::text || '_' || l.command || '_as_before', t.name, l.command, l.names,
                                      case when l.letter <> 'a' then ' using (true)' else '' end, case when l.letter = 'a' then ' with check (true)' else '' end), ' ' order by l.command) as makes,
             pg_catalog.string_agg(l.command || ' to ' || l.names, ', ' order by l.command) as what
        from (select c.letter, c.command, pg_catalog.string_agg(pg_catalog.quote_ident(c.rolname), ', ' order by c.rolname) as names
                from commands c where c.table_oid = t.oid and not c.let_in group by c.letter, c.command) as l
    ) as lacking on true
   where not t.secured
   group by t.oid, t.relname, t.name, b.lets_in, lacking.makes, lacking.what
), refused as (
  -- Security is on: what is refused to whom by one policy, and who gets past it.
  select t.oid, t.name as object, s.polname, s.dropping,
         pg_catalog.format('refuses %s to %s: policy %s is restrictive and always false', what.words,
                           coalesce(hit.names, case when t.forced then 'whoever does not bypass it' else 'all but its owner' end), pg_catalog.quote_ident(s.polname)) as trouble,
         pg_catalog.format('%s of %s is refused%s%s', what.words, t.name, coalesce(' to ' || hit.names, ''), coalesce('; ' || passing.names || ' still gets past', '')) as so,
         t.relname in ('chats', 'messages', 'chat_assignments', 'operators')
         and pg_catalog.translate(s.letters, t.needs, '') <> s.letters
         and (hit.names is not null or not exists (select from pg_roles r where r.rolname in ('authenticated', 'service_role'))) as critical
    from shut s
    join tables t on t.oid = s.polrelid and t.secured
   cross join lateral (
     select case when pg_catalog.length(s.letters) = 4 then 'everything'
                 else pg_catalog.array_to_string(array(select w.word from (values (1, 'r', 'SELECT'), (2, 'a', 'INSERT'), (3, 'w', 'UPDATE'), (4, 'd', 'DELETE')) as w (place, letter, word)
                                                        where pg_catalog.strpos(s.letters, w.letter) > 0 order by w.place), ' and ') end as words) as what
   cross join lateral (
     select pg_catalog.string_agg(distinct c.rolname::text, ', ') as names
       from commands c
      where c.table_oid = t.oid and pg_catalog.strpos(s.letters, c.letter::text) > 0
        and (0::oid = any (s.polroles) or exists (select from pg_catalog.unnest(s.polroles) as o (oid) where o.oid <> 0::oid and pg_catalog.pg_has_role(c.role_oid, o.oid, 'usage')))) as hit
   cross join lateral (
     select pg_catalog.string_agg(r.rolname::text, ', ' order by r.rolname) as names
       from pg_roles r
      where r.rolname in ('authenticated', 'service_role') and r.rolbypassrls and pg_catalog.has_any_column_privilege(r.oid, t.oid, 'select')) as passing
), closed as (
  -- Security is on, and no policy lets a role in that works on the other tables of the chats: it reads no row, without an error.
  select t.oid, t.name as object, pg_catalog.string_agg(c.rolname::text, ', ' order by c.rolname) as names,
         t.relname in ('chats', 'messages') as critical,
         pg_catalog.bool_and(open.it) and not exists (select from policies p where p.polrelid = t.oid and p.polpermissive) as siblings_open
    from tables t
    join commands c on c.table_oid = t.oid and c.letter = 'r' and not c.let_in
   cross join lateral (
     select pg_catalog.bool_or(not o.secured) as it, pg_catalog.bool_or(true) as works
       from commands k
       join tables o on o.oid = k.table_oid
      where k.role_oid = c.role_oid
        and (k.let_in or not o.secured)
        and (k.table_oid = t.oid or o.relname = case when t.relname = 'chats' then 'messages' else 'chats' end)
        and (t.relname in ('chats', 'messages') or k.letter = 'w')) as open
   where t.secured and t.of_chats and t.relname <> 'platform_config'
     and open.works
     and (t.relname in ('chats', 'messages')
          or not exists (select from commands k where k.table_oid = t.oid and k.role_oid = c.role_oid and k.let_in))
   group by t.oid, t.relname, t.name
), found as (
  select o.oid, o.object, o.policies, o.trouble, o.so, o.because, o.remedy, o.told, o.critical from off o
  union all
  select r.oid, r.object, pg_catalog.array_agg(r.polname), pg_catalog.string_agg(r.trouble, '; ' order by r.polname), pg_catalog.string_agg(r.so, '; ' order by r.polname),
         'somebody shut others out for a while', pg_catalog.string_agg(r.dropping, ' ' order by r.polname), null, pg_catalog.bool_or(r.critical)
    from refused r group by r.oid, r.object
  union all
  select c.oid, c.object, null, 'shows ' || c.names || ' no row: row level security is on, and no policy lets them in',
         c.names || ' may use the other tables of the chats, and finds nothing in ' || c.object,
         'row level security was switched on without policies for them, or these were dropped',
         case when c.siblings_open then pg_catalog.format('alter table %s disable row level security;', c.object) end,
         case when c.siblings_open then 'or write the policies that let them in; the other tables of the chats are not under row level security, either'
              else 'write the policies that let ' || c.names || ' in, as the other tables of the chats have them; how they were may stand in a dump or in the migrations' end,
         c.critical
    from closed c
)
select f.object, pg_catalog.string_agg(f.trouble, '; ' order by f.critical desc, f.trouble) as trouble,
       pg_catalog.max(f.policies) as policies, pg_catalog.string_agg(f.so, '; ' order by f.critical desc, f.trouble) || pg_catalog.max(assigning.told) as so,
       pg_catalog.string_agg(f.because, '; ' order by f.critical desc, f.trouble) as because,
       -- What is dropped first: a table that lets nobody in is looked at as it is then.
       pg_catalog.string_agg(f.remedy, ' ' order by f.policies is null, f.trouble) as remedy,
       pg_catalog.string_agg(f.told, '; ' order by f.trouble) as told, pg_catalog.bool_or(f.critical) as critical
  from found f
  join tables t on t.oid = f.oid
 cross join lateral (
   -- Whom it shuts out is one thing; whether chats are still given is another.
   select coalesce((select case when not p.prosecdef then '; assigning works with the rights of its caller'
                                when r.rolsuper or r.rolbypassrls or (not t.forced and pg_catalog.pg_has_role(p.proowner, t.relowner, 'usage'))
                                then '; assigning goes on: it works as ' || r.rolname::text || ', whom policies do not bind'
                                else '; assigning stops where it needs ' || t.name || ': it works as ' || r.rolname::text || ', whom policies bind, too' end
                      from pg_proc p
                      join pg_namespace n on n.oid = p.pronamespace and n.nspname = current_schema()
                      join pg_roles r on r.oid = p.proowner
                     where p.proname = 'assign_chat_to_operator' and f.trouble !~ 'row level security is off$'
                     limit 1), '') as told
 ) as assigning
 group by f.oid, f.object
 order by critical desc, f.object
