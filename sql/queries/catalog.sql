-- The objects that exist in some schemas, by kind and name, as far as a migration file can be asked whether it made them.
--
-- `parent` is the table of what belongs to one, and the argument types of a function. Members of extensions are left out:
-- no file made them.
with namespaces as (
  select oid, nspname from pg_namespace where nspname = any (:'schemas'::text[])
), relations as (
  select c.oid, n.nspname, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.reloptions,
         case when c.relkind in ('r', 'p', 'f') then 'table' when c.relkind = 'v' then 'view'
              when c.relkind = 'm' then 'materialized view' when c.relkind in ('i', 'I') then 'index'
              when c.relkind = 'S' then 'sequence' end as kind
    from pg_class as c
    join namespaces as n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'f', 'v', 'm', 'i', 'I', 'S')
)
select 'schema' as kind, nspname::text as schema, '' as parent, nspname::text as name, '{}'::jsonb as detail from namespaces
union all
select 'extension', '', '', extname::text, pg_catalog.jsonb_build_object('version', extversion) from pg_extension
union all
select 'publication', '', '', pubname::text, '{}' from pg_publication
union all
select 'role', '', '', rolname::text, '{}' from pg_roles
union all
select r.kind, r.nspname::text, '', r.relname::text,
       pg_catalog.jsonb_build_object('valid', coalesce(i.indisvalid, true), 'table', t.relname,
                          'row level security', case when r.relrowsecurity then 'on' else 'off' end,
                          'forced row level security', case when r.relforcerowsecurity then 'on' else 'off' end,
                          'query', case when r.relkind in ('v', 'm') then pg_catalog.rtrim(pg_catalog.pg_get_viewdef(r.oid), ';') end,
                          'security invoker',
                          case when r.reloptions operator(pg_catalog.&&) array['security_invoker=true', 'security_invoker=on', 'security_invoker=1']
                               then 'yes' else 'no' end,
                          'create', case when i.indexrelid is not null then pg_catalog.pg_get_indexdef(i.indexrelid) end)
  from relations as r
  left join pg_index as i on i.indexrelid = r.oid
  left join pg_class as t on t.oid = i.indrelid
union all
select 'column', r.nspname::text, r.relname::text, a.attname::text,
       pg_catalog.jsonb_build_object('not null', case when a.attnotnull then 'yes' else 'no' end,
                          'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                          'default', case when a.attgenerated = '' then coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') end)
  from relations as r
  join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where r.relkind in ('r', 'p', 'f')
union all
select 'constraint', r.nspname::text, r.relname::text, k.conname::text,
       pg_catalog.jsonb_build_object('validated', case when k.convalidated then 'yes' else 'no' end,
                          'check', case when k.contype = 'c' then pg_catalog.pg_get_expr(k.conbin, k.conrelid) end,
                          'constraint', case when k.contype in ('p', 'u', 'f') then pg_catalog.pg_get_constraintdef(k.oid) end)
  from relations as r
  join pg_constraint as k on k.conrelid = r.oid
union all
select 'trigger', r.nspname::text, r.relname::text, t.tgname::text,
       pg_catalog.jsonb_build_object('state', t.tgenabled, 'create', pg_catalog.pg_get_triggerdef(t.oid))
  from relations as r
  join pg_trigger as t on t.tgrelid = r.oid and not t.tgisinternal
union all
select 'policy', r.nspname::text, r.relname::text, p.polname::text,
       pg_catalog.jsonb_build_object('kind', case when p.polpermissive then 'permissive' else 'restrictive' end,
                          'command', case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
                                                   when 'd' then 'delete' else 'all' end,
                          'roles', (select pg_catalog.string_agg(coalesce(pg_roles.rolname::text, 'public'), ', '
                                                      order by coalesce(pg_roles.rolname::text, 'public') collate "C")
                                      from pg_catalog.unnest(p.polroles) as role left join pg_roles on pg_roles.oid = role),
                          'using', coalesce(pg_catalog.pg_get_expr(p.polqual, p.polrelid), ''),
                          'check', coalesce(pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), ''))
  from relations as r
  join pg_policy as p on p.polrelid = r.oid
union all
select 'rule', r.nspname::text, r.relname::text, w.rulename::text, '{}'
  from relations as r
  join pg_rewrite as w on w.ev_class = r.oid and w.rulename <> '_RETURN'
union all
select 'function', n.nspname::text, pg_catalog.oidvectortypes(p.proargtypes), p.proname::text,
       pg_catalog.jsonb_build_object('body', case when l.lanname in ('sql', 'plpgsql') and p.prosqlbody is null then p.prosrc end,
                          'security', case when p.prosecdef then 'definer' else 'invoker' end,
                          'volatility', case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
                          'search path', coalesce((select pg_catalog.substr(one, pg_catalog.length('search_path=') + 1)
                                                     from pg_catalog.unnest(p.proconfig) as one where pg_catalog.starts_with(one, 'search_path=')), ''))
  from pg_proc as p
  join namespaces as n on n.oid = p.pronamespace
  join pg_language as l on l.oid = p.prolang
 where not exists (select from pg_depend as d where d.classid = 'pg_proc'::regclass::oid and d.objid = p.oid and d.deptype = 'e')
union all
select case t.typtype when 'd' then 'domain' else 'type' end, n.nspname::text, '', t.typname::text, '{}'
  from pg_type as t
  join namespaces as n on n.oid = t.typnamespace
  left join pg_class as c on c.oid = t.typrelid
 where t.typtype in ('e', 'd', 'r') or (t.typtype = 'b' and t.typcategory <> 'A') or (t.typtype = 'c' and c.relkind = 'c')
union all
select 'label', n.nspname::text, t.typname::text, e.enumlabel::text, '{}'
  from pg_type as t
  join namespaces as n on n.oid = t.typnamespace
  join pg_enum as e on e.enumtypid = t.oid;
