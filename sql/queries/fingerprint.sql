-- Everything in the catalog that a migration can make in one schema, one row per object, the same for equal schemas.
--
-- No oids, no sizes, no rows of tables. Names are told as the search_path of the session shows them: put the schema first, so
-- that two tenants' schemas of one make are equal. A missing access list is told as the default that it stands for.
with target as (
  select oid from pg_namespace where nspname = :'schema'
), grants as (
  select found.kind, found.id,
         pg_catalog.jsonb_agg(pg_catalog.concat_ws(' ', coalesce(nullif(pg_catalog.pg_get_userbyid(entry.grantee), 'unknown (OID=0)'), 'public'),
                             entry.privilege_type, case when entry.is_grantable then 'grantable' end,
                             'by ' || pg_catalog.pg_get_userbyid(entry.grantor)::text)
                   order by pg_catalog.pg_get_userbyid(entry.grantee) collate "C", entry.privilege_type, entry.is_grantable,
                            pg_catalog.pg_get_userbyid(entry.grantor) collate "C") as list
    from (select 'relation' as kind, c.oid as id,
                 coalesce(c.relacl, pg_catalog.acldefault(case when c.relkind = 'S' then 's'::"char" else 'r' end, c.relowner)) as acl
            from pg_class as c where c.relnamespace = (select oid from target) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
          union all
          select 'function', p.oid, coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
            from pg_proc as p where p.pronamespace = (select oid from target)
          union all
          select 'type', t.oid, coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner))
            from pg_type as t where t.typnamespace = (select oid from target)
          union all
          select 'schema', n.oid, coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))
            from pg_namespace as n where n.oid = (select oid from target)) as found
    cross join lateral pg_catalog.aclexplode(found.acl) as entry
   group by found.kind, found.id
), relations as (
  select * from pg_class where relnamespace = (select oid from target) and relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
), objects as (
  select 'schema' as kind, ''::text as name,
         pg_catalog.jsonb_build_object('owner', pg_catalog.pg_get_userbyid(n.nspowner), 'grants', g.list) as definition
    from pg_namespace as n
    left join grants as g on g.kind = 'schema' and g.id = n.oid
   where n.oid = (select oid from target)

  union all
  select 'relation', c.relname::text,
         pg_catalog.jsonb_build_object('relkind', c.relkind, 'owner', pg_catalog.pg_get_userbyid(c.relowner), 'persistence', c.relpersistence,
                            'options', pg_catalog.to_jsonb(c.reloptions), 'grants', g.list,
                            'row_security', c.relrowsecurity, 'row_security_forced', c.relforcerowsecurity,
                            'replica_identity', c.relreplident,
                            'partition_key', pg_catalog.pg_get_partkeydef(c.oid), 'partition_bound', pg_catalog.pg_get_expr(c.relpartbound, c.oid),
                            'parents', (select pg_catalog.jsonb_agg(i.inhparent::regclass::text order by i.inhseqno)
                                          from pg_inherits as i where i.inhrelid = c.oid),
                            'query', case when c.relkind in ('v', 'm') then pg_catalog.pg_get_viewdef(c.oid) end,
                            'toast_options', (select pg_catalog.to_jsonb(toast.reloptions) from pg_class as toast
                                               where toast.oid = c.reltoastrelid),
                            'access_method', (select am.amname from pg_am as am where am.oid = c.relam),
                            'comment', pg_catalog.obj_description(c.oid, 'pg_class'))
    from relations as c
    left join grants as g on g.kind = 'relation' and g.id = c.oid

  union all
  select 'sequence', c.relname::text,
         pg_catalog.jsonb_build_object('type', pg_catalog.format_type(s.seqtypid, null), 'start', s.seqstart, 'increment', s.seqincrement,
                            'min', s.seqmin, 'max', s.seqmax, 'cache', s.seqcache, 'cycle', s.seqcycle,
                            'owned_by', (select d.refobjid::regclass::text || '.' || a.attname::text
                                           from pg_depend as d
                                           join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
                                          where d.classid = 'pg_class'::regclass::oid and d.objid = c.oid
                                            and d.refclassid = 'pg_class'::regclass::oid and d.deptype in ('a', 'i')))
    from relations as c
    join pg_sequence as s on s.seqrelid = c.oid

  union all
  -- By its place among the columns that are left: a dropped one leaves a gap that nobody sees.
  select 'column', c.relname::text || '.' || a.attname::text,
         pg_catalog.jsonb_build_object('place', row_number() over (partition by c.oid order by a.attnum),
                            'type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull,
                            'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid), 'generated', a.attgenerated,
                            'identity', a.attidentity, 'statistics', a.attstattarget, 'storage', a.attstorage,
                            'compression', a.attcompression,
                            -- Some builds mark the columns of a view with a number of their own, another one each time.
                            'options', (select pg_catalog.jsonb_agg(one order by one) from pg_catalog.unnest(a.attoptions) as one
                                         where one not like 'pg_attver=%'), 'inherited', a.attinhcount,
                            'collation', (select l.collname from pg_collation as l
                                           where l.oid = a.attcollation and l.collname <> 'default'),
                            'grants', (select pg_catalog.jsonb_agg(pg_catalog.concat_ws(' ',
                                                coalesce(nullif(pg_catalog.pg_get_userbyid(entry.grantee), 'unknown (OID=0)'), 'public'),
                                                entry.privilege_type)
                                                order by pg_catalog.pg_get_userbyid(entry.grantee) collate "C", entry.privilege_type)
                                         from pg_catalog.aclexplode(a.attacl) as entry),
                            'comment', pg_catalog.col_description(c.oid, a.attnum))
    from relations as c
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where c.relkind <> 'S'

  union all
  select 'constraint', coalesce(c.relname, t.typname)::text || '.' || k.conname::text,
         pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_constraintdef(k.oid), 'validated', k.convalidated,
                            'deferrable', k.condeferrable, 'deferred', k.condeferred, 'no_inherit', k.connoinherit,
                            'comment', pg_catalog.obj_description(k.oid, 'pg_constraint'))
    from pg_constraint as k
    left join pg_class as c on c.oid = k.conrelid
    left join pg_type as t on t.oid = k.contypid
   where k.connamespace = (select oid from target)

  union all
  select 'index', c.relname::text,
         pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_indexdef(i.indexrelid, 0, true), 'valid', i.indisvalid, 'ready', i.indisready,
                            'live', i.indislive, 'clustered', i.indisclustered, 'replica_identity', i.indisreplident,
                            'comment', pg_catalog.obj_description(c.oid, 'pg_class'))
    from pg_index as i
    join pg_class as c on c.oid = i.indexrelid
   where c.relnamespace = (select oid from target)

  union all
  select 'trigger', c.relname::text || '.' || t.tgname::text,
         pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_triggerdef(t.oid, true), 'enabled', t.tgenabled,
                            'comment', pg_catalog.obj_description(t.oid, 'pg_trigger'))
    from pg_trigger as t
    join pg_class as c on c.oid = t.tgrelid
   where c.relnamespace = (select oid from target) and not t.tgisinternal

  union all
  select 'rule', c.relname::text || '.' || r.rulename::text,
         pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_ruledef(r.oid), 'enabled', r.ev_enabled)
    from pg_rewrite as r
    join pg_class as c on c.oid = r.ev_class
   where c.relnamespace = (select oid from target) and r.rulename <> '_RETURN'

  union all
  select 'policy', c.relname::text || '.' || p.polname::text,
         pg_catalog.jsonb_build_object('command', p.polcmd, 'permissive', p.polpermissive,
                            'roles', (select pg_catalog.jsonb_agg(case when role = 0::oid then 'public' else pg_catalog.pg_get_userbyid(role)::text end
                                                       order by role = 0::oid, pg_catalog.pg_get_userbyid(role) collate "C")
                                        from pg_catalog.unnest(p.polroles) as role),
                            'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid), 'check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
    from pg_policy as p
    join pg_class as c on c.oid = p.polrelid
   where c.relnamespace = (select oid from target)

  union all
  select 'function', p.proname::text || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
         pg_catalog.jsonb_build_object('kind', p.prokind, 'owner', pg_catalog.pg_get_userbyid(p.proowner), 'language', l.lanname,
                            'arguments', pg_catalog.pg_get_function_arguments(p.oid), 'returns', pg_catalog.pg_get_function_result(p.oid),
                            'body', p.prosrc, 'sql_body', pg_catalog.pg_get_function_sqlbody(p.oid),
                            'definer', p.prosecdef, 'settings', (select pg_catalog.jsonb_agg(case when pg_catalog.starts_with(one, 'search_path=' || pg_catalog.quote_ident(:'schema'))
                                                            then 'search_path=(its own schema)'
                                                                 || pg_catalog.substr(one, pg_catalog.length('search_path=' || pg_catalog.quote_ident(:'schema')) + 1)
                                                            else one end order by one)
                                           from pg_catalog.unnest(p.proconfig) as one), 'volatile', p.provolatile,
                            'strict', p.proisstrict, 'leakproof', p.proleakproof, 'parallel', p.proparallel,
                            'cost', p.procost, 'rows', p.prorows, 'grants', g.list,
                            'comment', pg_catalog.obj_description(p.oid, 'pg_proc'))
    from pg_proc as p
    join pg_language as l on l.oid = p.prolang
    left join grants as g on g.kind = 'function' and g.id = p.oid
   where p.pronamespace = (select oid from target)

  union all
  select 'type', t.typname::text,
         pg_catalog.jsonb_build_object('typtype', t.typtype, 'owner', pg_catalog.pg_get_userbyid(t.typowner), 'grants', g.list,
                            'labels', (select pg_catalog.jsonb_agg(e.enumlabel order by e.enumsortorder)
                                         from pg_enum as e where e.enumtypid = t.oid),
                            'of', case when t.typtype = 'd' then pg_catalog.format_type(t.typbasetype, t.typtypmod) end,
                            'not_null', t.typnotnull, 'default', t.typdefault,
                            'comment', pg_catalog.obj_description(t.oid, 'pg_type'))
    from pg_type as t
    left join grants as g on g.kind = 'type' and g.id = t.oid
   where t.typnamespace = (select oid from target) and t.typtype in ('e', 'd', 'r', 'm', 'b') and t.typelem = 0::oid

  union all
  select 'statistics', s.stxname::text, pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_statisticsobjdef(s.oid))
    from pg_statistic_ext as s
   where s.stxnamespace = (select oid from target)

  union all
  select 'default privileges', pg_catalog.concat_ws(' ', pg_catalog.pg_get_userbyid(d.defaclrole), d.defaclobjtype),
         pg_catalog.jsonb_build_object('grants', d.defaclacl::text[])
    from pg_default_acl as d
   where d.defaclnamespace = (select oid from target)

  union all
  select 'publication', p.pubname::text || '.' || c.relname::text, '{}'::jsonb
    from pg_publication as p
    join pg_publication_rel as r on r.prpubid = p.oid
    join pg_class as c on c.oid = r.prrelid
   where c.relnamespace = (select oid from target)

  union all
  select 'extension', e.extname::text, pg_catalog.jsonb_build_object('version', e.extversion, 'schema', n.nspname)
    from pg_extension as e
    join pg_namespace as n on n.oid = e.extnamespace
)
select kind, name::text as name, pg_catalog.jsonb_strip_nulls(definition) as definition
  from objects
 order by kind, name collate "C", definition::text collate "C";
