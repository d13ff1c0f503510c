-- What protects, publishes and shapes the tables of this schema: one row each, as it is now, with the statement that brings it back.
--
-- label: what it is, without what may differ. is: what may, as JSON. lasting: it is missed until somebody says that it was meant
-- to go; the rest only until the next deliberate act (migrate, adopt, deploy), for the application changes it in its own releases.
with tables as materialized (
  select c.oid, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relowner, c.relacl, c.relispartition,
         c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments', 'operator_activity',
                       'platform_config') and not c.relispartition as of_chats
    -- By what depends on the schema: the catalogs have no index by schema, and are long where there are many.
    from pg_catalog.pg_namespace as n
    join pg_catalog.pg_depend as d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = n.oid and d.classid = 'pg_class'::regclass::oid
    join pg_catalog.pg_class as c on c.oid = d.objid and c.relkind in ('r', 'p')
   where n.nspname = current_schema()
), asked as materialized (
  -- What is called as the one who reads or writes: by policies, defaults, conditions and indexes.
  select t.oid as table_oid, y.oid as object_oid, 'pg_policy'::regclass::oid as class_oid, true as of_policies
    from tables as t join pg_catalog.pg_policy as y on y.polrelid = t.oid
  union all
  select t.oid, f.oid, 'pg_attrdef'::regclass::oid, false from tables as t join pg_catalog.pg_attrdef as f on f.adrelid = t.oid where t.of_chats
  union all
  select t.oid, k.oid, 'pg_constraint'::regclass::oid, false from tables as t join pg_catalog.pg_constraint as k on k.conrelid = t.oid and k.contype = 'c' where t.of_chats
  union all
  select t.oid, g.oid, 'pg_trigger'::regclass::oid, false from tables as t join pg_catalog.pg_trigger as g on g.tgrelid = t.oid and g.tgqual is not null where t.of_chats
  union all
  select t.oid, x.indexrelid, 'pg_class'::regclass::oid, false from tables as t join pg_catalog.pg_index as x on x.indrelid = t.oid where t.of_chats and (x.indexprs is not null or x.indpred is not null)
), called as materialized (
  select p.oid, p.oid::regprocedure::text as call, p.prosrc, p.prosecdef, p.proowner, pg_catalog.bool_or(a.of_policies) as of_policies
    from asked as a
    join pg_catalog.pg_depend as d on d.classid = a.class_oid and d.objid = a.object_oid and d.refclassid = 'pg_proc'::regclass::oid
    join pg_catalog.pg_proc as p on p.oid = d.refobjid and p.prorettype <> 'trigger'::regtype::oid
   group by p.oid
)
select 'row level security of ' || t.relname::text as label, t.relname::text as relation, true as lasting,
       pg_catalog.jsonb_build_object('forced', t.relforcerowsecurity) as "is",
       pg_catalog.format('alter table %I enable row level security;', t.relname) as statement
  from tables as t
 where t.relrowsecurity and not t.relispartition
union all
select 'no row level security of ' || t.relname::text, t.relname::text, false, '{}',
       pg_catalog.format('alter table %I disable row level security;', t.relname)
  from tables as t
 where t.of_chats and not t.relrowsecurity
union all
select 'policy ' || p.policyname::text || ' of ' || p.tablename::text, p.tablename::text, true,
       pg_catalog.jsonb_build_object('permissive', p.permissive = 'PERMISSIVE', 'cmd', p.cmd, 'roles', pg_catalog.to_jsonb(p.roles),
                                     'using', p.qual, 'check', p.with_check),
       pg_catalog.format('create policy %I on %I as %s for %s to %s%s%s;', p.policyname, p.tablename, p.permissive, p.cmd,
                         (select pg_catalog.string_agg(case when r = 'public' then 'public' else pg_catalog.quote_ident(r) end, ', ')
                            from pg_catalog.unnest(p.roles) as r),
                         ' using (' || p.qual || ')', ' with check (' || p.with_check || ')')
  from pg_catalog.pg_policies as p
 where p.schemaname = current_schema()
union all
select 'publication ' || p.pubname::text, 'chats',
       not p.puballtables and not exists (select from pg_catalog.pg_publication_namespace as s where s.pnpubid = p.oid), pg_catalog.jsonb_build_object('publishes', o.operations),
       pg_catalog.format('create publication %I%s with (publish = %L);', p.pubname, case when p.puballtables then ' for all tables' else '' end,
                         o.operations)
  from pg_catalog.pg_publication as p
 cross join lateral (
   select pg_catalog.concat_ws(', ', case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
                               case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end) as operations
 ) as o
 where exists (select from pg_catalog.pg_publication_tables as t join tables as c on c.relname = t.tablename and c.of_chats
                where t.pubname = p.pubname and t.schemaname = current_schema())
union all
select t.tablename::text || ' in publication ' || t.pubname::text, t.tablename::text, true,
       pg_catalog.jsonb_build_object('columns', pg_catalog.to_jsonb(t.attnames), 'rows', t.rowfilter),
       pg_catalog.format('alter publication %I add table %I%s%s;', t.pubname, t.tablename,
                         case when r.prattrs is not null
                              then ' (' || (select pg_catalog.string_agg(pg_catalog.quote_ident(n), ', ') from pg_catalog.unnest(t.attnames) as n) || ')' end,
                         ' where (' || t.rowfilter || ')')
  from pg_catalog.pg_publication_tables as t
  join pg_catalog.pg_publication as p on p.pubname = t.pubname and not p.puballtables
  join tables as c on c.relname = t.tablename
  left join pg_catalog.pg_publication_rel as r on r.prpubid = p.oid and r.prrelid = c.oid
 where t.schemaname = current_schema()
union all
select 'replica identity of ' || t.relname::text, t.relname::text, false, pg_catalog.jsonb_build_object('kind', t.relreplident),
       pg_catalog.format('alter table %I replica identity %s;', t.relname,
                         case t.relreplident when 'f' then 'full' when 'n' then 'nothing' when 'd' then 'default'
                              else 'using index ' || (select pg_catalog.quote_ident(i.relname) from pg_catalog.pg_index as x
                                                        join pg_catalog.pg_class as i on i.oid = x.indexrelid
                                                       where x.indrelid = t.oid and x.indisreplident) end)
  from tables as t
 where t.of_chats
union all
select 'column ' || t.relname::text || '.' || a.attname::text, t.relname::text, false,
       pg_catalog.jsonb_build_object('type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull,
                                     'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid), 'made', a.attgenerated::text || a.attidentity::text),
       null
  from tables as t
  join pg_catalog.pg_attribute as a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
  left join pg_catalog.pg_attrdef as d on d.adrelid = t.oid and d.adnum = a.attnum
 where t.of_chats
union all
select case k.contype when 'f' then 'foreign key ' when 'c' then 'constraint ' else 'key ' end
       || t.relname::text || case k.contype when 'c' then '.' || k.conname::text else ' (' || n.named || ')' end,
       t.relname::text, k.contype = 'f',
       pg_catalog.jsonb_build_object('definition', f.definition, 'name', k.conname),
       pg_catalog.format('alter table %I add constraint %I %s;', t.relname, k.conname, f.definition)
  from tables as t
  join pg_catalog.pg_constraint as k on k.conrelid = t.oid and k.contype in ('p', 'u', 'f', 'c') and k.conparentid = 0::oid
 cross join lateral (
   -- What a partitioned table is parted by has to be in its keys: it tells nothing apart.
   select pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' order by a.attname) as named
     from pg_catalog.pg_attribute as a
    where a.attrelid = t.oid and a.attnum = any (k.conkey)
      and not exists (select from pg_catalog.pg_partitioned_table as x
                       where x.partrelid = t.oid and k.contype in ('p', 'u') and a.attnum = any (x.partattrs::smallint[])
                         and x.partnatts < pg_catalog.cardinality(k.conkey))
 ) as n
 cross join lateral (
   select pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(k.oid), ' NOT (VALID|ENFORCED)$', '') as definition
 ) as f
 where t.of_chats and n.named is not null
union all
select 'trigger ' || g.tgname::text || ' of ' || t.relname::text, t.relname::text,
       -- What keeps the figures of the chats.
       p.prosrc ~* '\m(message_count|last_message_at)\M',
       pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_triggerdef(g.oid, true), 'body', pg_catalog.md5(p.prosrc::text),
                                     'definer', p.prosecdef),
       pg_catalog.pg_get_triggerdef(g.oid, true) || ';'
  from tables as t
  join pg_catalog.pg_trigger as g on g.tgrelid = t.oid and not g.tgisinternal and g.tgparentid = 0::oid
  join pg_catalog.pg_proc as p on p.oid = g.tgfoid
 where t.of_chats and g.tgname::text !~ '^(zz_)?chatops_'
union all
-- What policies ask decides what they let through.
select 'function ' || f.call || ' of policies', 'chats', false,
       pg_catalog.jsonb_build_object('body', pg_catalog.md5(f.prosrc::text), 'definer', f.prosecdef), null
  from called as f
 where f.of_policies
union all
select r.rolname::text || ' may execute ' || f.call, 'chats', false, pg_catalog.jsonb_build_object('role', r.rolname),
       pg_catalog.format('grant execute on function %s to %I;', f.call, r.rolname)
  from called as f
 cross join pg_catalog.pg_roles as r
 where r.oid in (select e.grantee from tables as t cross join lateral pg_catalog.aclexplode(t.relacl) as e where t.of_chats)
   and not r.rolsuper and r.oid <> f.proowner
   and pg_catalog.has_function_privilege(r.oid, f.oid, 'execute')
union all
-- A function that is dropped and made again has lost who may call it.
select 'service_role may execute ' || p.oid::regprocedure::text, 'chats', false, pg_catalog.jsonb_build_object('role', 'service_role'),
       pg_catalog.format('grant execute on function %s to service_role;', p.oid::regprocedure)
  from pg_catalog.pg_namespace as n
  join pg_catalog.pg_depend as d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = n.oid and d.classid = 'pg_proc'::regclass::oid
  join pg_catalog.pg_proc as p on p.oid = d.objid and p.prokind = 'f'
  join pg_catalog.pg_roles as r on r.rolname = 'service_role' and not r.rolsuper
 where n.nspname = current_schema()
   and p.prorettype not in ('trigger'::regtype::oid, 'event_trigger'::regtype::oid)
   and p.oid not in (select f.oid from called as f)
   -- What everybody's server role has to call is asked for by a check of its own.
   and p.proname not in ('assign_chat_to_operator', 'release_and_reassign_chat', 'get_assignment_queue_status', 'detect_stuck_chats',
                         'should_keep_assignment')
   and exists (select from pg_catalog.aclexplode(p.proacl) as e where e.grantee = r.oid and e.privilege_type = 'EXECUTE')
union all
-- Roles of other names, granted by name what the chats are assigned, written and given back by: they may be granted nothing else.
select r.rolname::text || ' may execute ' || p.oid::regprocedure::text, 'chats', false, pg_catalog.jsonb_build_object('role', r.rolname),
       pg_catalog.format('grant execute on function %s to %I;', p.oid::regprocedure, r.rolname)
  from pg_catalog.pg_proc as p
  join pg_catalog.pg_namespace as n on n.oid = p.pronamespace and n.nspname = current_schema()
 cross join lateral pg_catalog.aclexplode(p.proacl) as e
  join pg_catalog.pg_roles as r on r.oid = e.grantee and not r.rolsuper and r.oid <> p.proowner
 where p.proname in ('assign_chat_to_operator', 'release_and_reassign_chat', 'get_assignment_queue_status', 'detect_stuck_chats', 'should_keep_assignment',
                     'user_message', 'operator_reply', 'operator_heartbeat', 'release_chat', 'release_idle_chats', 'reassign_chat', 'close_chat', 'reopen_chat')
   and e.privilege_type = 'EXECUTE' and r.rolname not in ('anon', 'authenticated', 'service_role')
   and p.oid not in (select f.oid from called as f)
union all
select r.role || ' may ' || v.privilege || ' ' || t.relname::text, t.relname::text, false,
       pg_catalog.jsonb_build_object('role', r.role, 'columns', pg_catalog.to_jsonb(part.columns)),
       pg_catalog.format('grant %s%s on %I to %I;', v.privilege,
                         ' (' || (select pg_catalog.string_agg(pg_catalog.quote_ident(one), ', ') from pg_catalog.unnest(part.columns) as one) || ')',
                         t.relname, r.role)
  from (
    select t.oid, t.relname, t.relowner, t.relacl from tables as t where t.of_chats
    union all
    -- What the application's pages read of ours.
    select c.oid, c.relname, c.relowner, c.relacl
      from pg_catalog.pg_namespace as n
     cross join pg_catalog.unnest(array['chat_state_summary', 'chat_queue', 'stuck_chats', 'operator_load']) as v (name)
      join pg_catalog.pg_class as c on c.relname = v.name and c.relnamespace = n.oid and c.relkind = 'v'
     where n.nspname = current_schema()
  ) as t
 cross join (select o.oid, o.rolname::text as role, o.rolsuper from pg_catalog.pg_roles as o) as r
 cross join (values ('select'), ('insert'), ('update'), ('delete')) as v (privilege)
 cross join lateral (
   -- All of them where nothing stands here.
   select case when not pg_catalog.has_table_privilege(r.oid, t.oid, v.privilege)
               then (select pg_catalog.array_agg(a.attname order by a.attname) from pg_catalog.pg_attribute as a
                      where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
                        and pg_catalog.has_column_privilege(r.oid, t.oid, a.attnum, v.privilege)) end as columns
 ) as part
 where r.oid in (select e.grantee from pg_catalog.aclexplode(t.relacl) as e
                 union
                 select e.grantee from pg_catalog.pg_attribute as a cross join lateral pg_catalog.aclexplode(a.attacl) as e where a.attrelid = t.oid)
   and r.oid <> t.relowner and not r.rolsuper
   and case v.privilege when 'delete' then pg_catalog.has_table_privilege(r.oid, t.oid, 'delete')
            else pg_catalog.has_any_column_privilege(r.oid, t.oid, v.privilege) end
union all
-- Roles are the whole server's, and what they need differs: they are missed where they had it.
select 'role ' || r.rolname::text || ' bypasses row level security', 'chats', true, '{}', pg_catalog.format('alter role %I bypassrls;', r.rolname)
  from pg_catalog.pg_roles as r
 where r.rolname = 'service_role' and r.rolbypassrls and exists (select from tables as t where t.of_chats and t.relrowsecurity)
union all
select 'role authenticator is a member of ' || r.rolname::text, 'chats', true, '{}', pg_catalog.format('grant %I to authenticator;', r.rolname)
  from pg_catalog.pg_roles as r
  join pg_catalog.pg_auth_members as m on m.roleid = r.oid
  join pg_catalog.pg_roles as a on a.oid = m.member and a.rolname = 'authenticator'
 where r.rolname in ('anon', 'authenticated', 'service_role')
   and exists (select from tables as t cross join lateral pg_catalog.aclexplode(t.relacl) as e where t.of_chats and e.grantee = r.oid)
union all
select r.rolname::text || ' may use schema ' || n.nspname::text, 'chats', false, pg_catalog.jsonb_build_object('role', r.rolname),
       pg_catalog.format('grant usage on schema %I to %I;', n.nspname, r.rolname)
  from pg_catalog.pg_namespace as n
  join pg_catalog.pg_roles as r on r.oid in (select e.grantee from pg_catalog.aclexplode(n.nspacl) as e where e.privilege_type = 'USAGE')
 where n.nspname in ('chatops', current_schema()) and r.oid <> n.nspowner and not r.rolsuper
