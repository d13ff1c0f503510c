-- Whether there is anything on the chat tables, or among our names, that others may have made: where nothing is, DB019 has nothing to
-- tell, and to plan all that it can tell takes ten times as long. Each line holds wherever a part of DB019 finds anything, and more often.
\set chat_tables `cat sql/checks/shared/chat_tables.sql`
with chat_tables as materialized (:chat_tables),
ours as materialized (select pg_catalog.string_to_array(:'expected_labels'::text, E'\n') as labels),
spaces as materialized (
  select n.oid, n.nspname = 'chatops' as ours from pg_namespace n where n.nspname in ('chatops', current_schema())
), named as materialized (
  -- What stands in both schemas, by what depends on them: the catalog has no index by schema.
  select s.ours, d.classid, d.objid
    from spaces s
    join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = s.oid and (d.classid = 'pg_proc'::regclass::oid or s.ours and d.classid = 'pg_class'::regclass::oid)
), functions as materialized (
  select n.ours, p.oid, p.proname, p.prorettype, p.prosrc, 'function ' || case when n.ours then 'chatops.' else '' end || p.proname::text as label
    from named n
    join pg_proc p on n.classid = 'pg_proc'::regclass::oid and p.oid = n.objid
)
select exists (
         -- By their names alone.
         select from ours o
          cross join lateral (
            select 'trigger ' || c.relname::text || '.' || t.tgname::text as label
              from chat_tables c
              join pg_trigger t on t.tgrelid = c.oid and not t.tgisinternal and t.tgparentid = 0::oid and t.tgenabled <> 'D'
            union all
            select case when k.conname is null then 'index ' || s.prefix || i.relname::text else 'constraint ' || s.prefix || c.relname::text || '.' || k.conname::text end
              from chat_tables c
             cross join lateral (select case when c.ours then 'chatops.' else '' end as prefix) as s
              join pg_index x on x.indrelid = c.oid and (x.indisunique or x.indisexclusion) and not x.indisprimary
              join pg_class i on i.oid = x.indexrelid
              left join pg_constraint k on k.conindid = x.indexrelid and k.conrelid = c.oid
             where not c.relispartition
            union all
            select 'constraint chatops.' || c.relname::text || '.' || k.conname::text
              from chat_tables c
              join pg_constraint k on k.conrelid = c.oid and k.contype = 'f'
             where c.ours
            union all
            select f.label from functions f where f.ours
            union all
            select e.label
              from named n
              join pg_class c on n.classid = 'pg_class'::regclass::oid and c.oid = n.objid and c.relkind in ('r', 'p', 'f', 'v', 'S')
             cross join lateral (
               select case c.relkind when 'v' then 'view ' when 'S' then 'sequence ' else 'table ' end || 'chatops.' || c.relname::text as label
               union all
               select 'column chatops.' || c.relname::text || '.' || a.attname::text
                 from pg_attribute a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attnotnull and not a.atthasdef and a.attidentity = '' and c.relkind in ('r', 'p', 'f')
             ) as e
          ) as one
          where one.label <> all (o.labels))
       -- A second function of a name of ours.
    or exists (select from functions f cross join ours o where f.label = any (o.labels) group by f.label having pg_catalog.count(*) > 1)
       -- A function that may refuse, and that an index, a constraint or a default calls.
    or exists (select from functions f
                where not f.ours and f.prorettype <> 'trigger'::regtype::oid and f.prosrc ~* '\m(raise|assert|false)\M|/\s*0|''f'
                  and not exists (select from ours o where f.label = any (o.labels))
                  and exists (select from pg_depend d
                               where d.refclassid = 'pg_proc'::regclass::oid and d.refobjid = f.oid
                                 and d.classid in ('pg_class'::regclass::oid, 'pg_constraint'::regclass::oid, 'pg_attrdef'::regclass::oid)))
    or exists (select from chat_tables c join pg_rewrite w on w.ev_class = c.oid)
       -- A column with a name as of a variable, or one that is computed.
    or exists (select from chat_tables c
                cross join lateral (select a.attgenerated, a.attname from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped offset 0) as a
                where a.attgenerated <> '' or (not c.ours and a.attname::text ~ '^[pvc]_[a-z0-9_]+$'))
    or exists (select from pg_event_trigger e join pg_proc p on p.oid = e.evtfoid where e.evtenabled <> 'D' and p.prosrc ~* '\m(raise|assert)\M|/\s*0')
    or exists (select from chat_tables c join pg_inherits i on i.inhparent = c.oid join pg_class k on k.oid = i.inhrelid and not k.relispartition)
       -- An index on what messages say, or one that divides.
    or exists (select from chat_tables c
                 join pg_index x on x.indrelid = c.oid
                where not c.ours
                  and (case when x.indexprs is not null or x.indpred is not null
                            then pg_catalog.concat(pg_catalog.pg_get_expr(x.indexprs, x.indrelid), ' ', pg_catalog.pg_get_expr(x.indpred, x.indrelid)) ~ '[/%]|\mcontent\M' end
                       or c.relname = 'messages'
                          and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'content' and a.attnum = any (x.indkey::smallint[]))))
    or exists (select from pg_subscription_rel)
       -- A key that leads elsewhere, and a second one of the same columns.
    or exists (select from chat_tables c
                 join pg_constraint k on k.conrelid = c.oid and k.contype = 'f' and k.conparentid = 0::oid
                where not c.ours
                  and (exists (select from pg_attribute a
                                join (values ('chat_id', 'chats'), ('assigned_operator_id', 'operators'), ('last_operator_id', 'operators'), ('operator_id', 'operators'),
                                             ('handled_by_operator_id', 'operators'), ('real_user_id', 'real_users'), ('fictional_user_id', 'fictional_users'))
                                       as m (name, target) on m.name = a.attname
                                where a.attrelid = c.oid and a.attnum = any (k.conkey)
                                  and not exists (select from chat_tables o where o.oid = k.confrelid and not o.ours and o.root = m.target))
                       or exists (select from pg_constraint o
                                   where o.conrelid = k.conrelid and o.contype = 'f' and o.oid <> k.oid and o.conkey operator(pg_catalog.=) k.conkey and o.confrelid = k.confrelid)))
       -- A schema that may stand before this one on somebody's path.
    or exists (select from pg_db_role_setting x
                cross join lateral pg_catalog.unnest(x.setconfig) as c (setting)
                where c.setting like 'search_path=%'
                  and pg_catalog.btrim(pg_catalog.split_part(pg_catalog.regexp_replace(pg_catalog.substr(c.setting, 13), '^\s*("?\$user"?\s*,\s*)*', ''), ',', 1), '" ') <> current_schema())
    or exists (select from pg_namespace n
                where n.nspname <> current_schema() and n.nspname <> 'chatops'
                  and n.nspname = any (array(select pg_catalog.unnest('{authenticator,authenticated,anon,service_role}'::name[])
                                             union all select pg_catalog.pg_get_userbyid(c.relowner) from chat_tables c
                                             union all select pg_catalog.pg_get_userbyid(x.setrole) from pg_db_role_setting x))) as found
