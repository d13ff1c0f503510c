-- Keeps the definitions of the functions and views that a file is about to replace, and in `about ...` whose they are, who may use
-- them and what is said of them. What was kept before is the older, and stays.
update chatops.migrations
   set replaced = nullif(coalesce(
         (select pg_catalog.jsonb_object_agg(found.object, found.definition)
            from (with routines as (
                    select p.oid, pg_catalog.pg_get_userbyid(p.proowner) as owner,
                           -- As regprocedure tells it, which looks at the functions of that name of every tenant.
                           case when exists (select from pg_proc as own where own.proname = p.proname
                                                and own.pronamespace = (select oid from pg_namespace where nspname = 'pg_catalog'))
                                  or pg_catalog.quote_ident(current_schema()) <> pg_catalog.quote_ident(:'target_schema')
                                then p.oid::regprocedure::text
                                else pg_catalog.quote_ident(p.proname) || '('
                                     || coalesce((select pg_catalog.string_agg(pg_catalog.format_type(a.type, null), ',' order by a.place)
                                                    from pg_catalog.unnest(p.proargtypes::oid[]) with ordinality as a (type, place)), '')
                                     || ')' end as object,
                           coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner)) as acl, p.proowner as owner_id,
                           pg_catalog.obj_description(p.oid, 'pg_proc') as comment
                      from pg_proc as p
                     where p.pronamespace = (select oid from pg_namespace where nspname = :'target_schema')
                       and p.prokind in ('f', 'p')
                       and p.proname = any (:'replaces'::text[])
                  ), views as (
                    select c.oid, c.oid::regclass::text as object, pg_catalog.pg_get_userbyid(c.relowner) as owner,
                           coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner)) as acl, c.relowner as owner_id,
                           pg_catalog.obj_description(c.oid, 'pg_class') as comment, c.reloptions
                      from pg_class as c
                     where c.relnamespace = (select oid from pg_namespace where nspname = :'target_schema')
                       and c.relkind = 'v'
                       and c.relname = any (:'replaces'::text[])
                  )
                  select r.object, pg_catalog.to_jsonb(pg_catalog.pg_get_functiondef(r.oid)) as definition from routines as r
                  union all
                  select v.object, pg_catalog.to_jsonb(pg_catalog.pg_get_viewdef(v.oid)) from views as v
                  union all
                  select 'about ' || o.object, pg_catalog.jsonb_build_object(
                           'owner', o.owner, 'comment', o.comment, 'options', o.options,
                           'grants', (select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                                               'to', case when g.grantee <> 0::oid then pg_catalog.pg_get_userbyid(g.grantee) end,
                                               'privilege', g.privilege_type, 'grantable', g.is_grantable))
                                        from pg_catalog.aclexplode(o.acl) as g
                                       where g.grantee <> o.owner_id))
                    from (select object, owner, owner_id, acl, comment, null as options from routines
                          union all
                          select object, owner, owner_id, acl, comment, pg_catalog.array_to_string(reloptions, ', ') from views) as o
                 ) as found), '{}')
         || coalesce(replaced, '{}'), '{}')
 where target_schema = :'target_schema' and source = :'source' and name = :'name';
