-- Which roles work on the chats and will not be able to do what they can do now, once the pending files are in?
-- closes: whether everybody loses assign and release. views: whether the reading functions get our text.
-- columns: those that the files add, by table: whoever was granted each column of a table by name was not granted these.
\set roles_at_work `cat sql/queries/shared/roles_at_work.sql`
with tables as materialized (
  select c.oid, c.relname
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
   where c.relname in ('chats', 'messages', 'chat_assignments') and c.relkind in ('r', 'p')
), works as materialized (:roles_at_work), functions as materialized (
  select p.oid, p.proname, p.oid::regprocedure::text as call, p.proowner, coalesce(p.proacl, pg_catalog.acldefault('f'::"char", p.proowner)) as acl,
         p.prosrc ~ '\m(chat_queue|stuck_chats)\M' as by_views
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace and n.nspname = current_schema()
   where p.prokind = 'f'
     and pg_catalog.format('%s(%s)', p.proname, pg_catalog.oidvectortypes(p.proargtypes))
         in ('assign_chat_to_operator(uuid)', 'release_and_reassign_chat(uuid, text)', 'get_assignment_queue_status()', 'detect_stuck_chats(integer)')
), needs (function, ours, columns) as (
  -- What is read of chats by a function as its caller: by the text of 016, and by ours.
  values ('get_assignment_queue_status', false, array['chat_state', 'is_active', 'created_at']),
         ('detect_stuck_chats', false, array['id', 'chat_state', 'assigned_operator_id', 'last_operator_id', 'updated_at', 'last_message_at', 'is_active']),
         ('get_assignment_queue_status', true,
          array['id', 'waiting_since', 'last_operator_id', 'last_message_at', 'real_user_id', 'fictional_user_id', 'message_count', 'created_at',
                'chat_state', 'is_active', 'assigned_operator_id']),
         ('detect_stuck_chats', true,
          array['id', 'waiting_since', 'last_operator_id', 'last_message_at', 'real_user_id', 'fictional_user_id', 'message_count', 'created_at',
                'chat_state', 'is_active', 'assigned_operator_id', 'assignment_time', 'updated_at'])
), lacks as materialized (
  -- The columns of each text that a role may not read; one that is not there yet is read by whoever may read the whole table.
  select w.oid as role_oid, x.function, x.ours,
         (select pg_catalog.array_agg(o.one order by o.place)
            from pg_catalog.unnest(x.columns) with ordinality as o (one, place)
            left join pg_attribute a on a.attrelid = t.oid and a.attname = o.one and not a.attisdropped
           where a.attnum is null or not pg_catalog.has_column_privilege(w.oid, t.oid, a.attnum, 'select'::text)) as columns
    from works w
   cross join needs x
    join tables t on t.relname = 'chats'
   where not pg_catalog.has_table_privilege(w.oid, t.oid, 'select'::text)
), lost as (
  select w.oid as role_oid, 'execute' as kind, f.call as object, f.proname::text as name, null::text as relation, null::text[] as columns
    from works w
    join functions f on pg_catalog.has_function_privilege(w.oid, f.oid, 'execute'::text) and not pg_catalog.pg_has_role(w.oid, f.proowner, 'usage'::text)
   where :'closes'::boolean
     and f.proname in ('assign_chat_to_operator', 'release_and_reassign_chat')
     and not exists (
       select from pg_catalog.aclexplode(f.acl) as a
         join pg_roles g on g.oid = a.grantee
        where a.privilege_type = 'EXECUTE' and pg_catalog.pg_has_role(w.oid, g.oid, 'usage'::text)
          and g.rolname <> 'anon' and (g.rolname <> 'authenticated' or f.proname = 'assign_chat_to_operator'))
     and not exists (
       select from pg_roles g
        where pg_catalog.pg_has_role(w.oid, g.oid, 'usage'::text)
          and (g.rolname = 'service_role'
               or g.rolname = 'authenticated' and f.proname = 'assign_chat_to_operator' and pg_catalog.has_function_privilege(g.oid, f.oid, 'execute'::text)))
  union all
  select w.oid, 'read', f.call, f.proname::text, 'chats', n.columns
    from works w
    join functions f on not f.by_views and pg_catalog.has_function_privilege(w.oid, f.oid, 'execute'::text)
    join lacks n on n.role_oid = w.oid and n.function = f.proname and n.ours and n.columns is not null
   where :'views'::boolean
     and not exists (select from lacks o where o.role_oid = w.oid and o.function = f.proname and not o.ours and o.columns is not null)
  union all
  -- Granted column by column, all of them: select * is refused as soon as there is one more.
  select w.oid, 'columns', t.relname::text, t.relname::text, t.relname::text, n.columns
    from works w
    join (select one.key as relation, pg_catalog.array_agg(name order by place) as columns
            from pg_catalog.jsonb_each(:'columns'::jsonb) as one
           cross join lateral pg_catalog.jsonb_array_elements_text(one.value) with ordinality as c (name, place) group by one.key) as n on true
    join tables t on t.relname = n.relation
   where not pg_catalog.has_table_privilege(w.oid, t.oid, 'select'::text)
     and not exists (select from pg_attribute a where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
                        and not pg_catalog.has_column_privilege(w.oid, t.oid, a.attnum, 'select'::text))
)
select w.rolname::text as role, pg_catalog.quote_ident(w.rolname) as quoted, w.rolcanlogin as logs_in,
       coalesce((select pg_catalog.array_agg(m.rolname::text order by m.rolname) from pg_roles m
                  where m.rolcanlogin and not m.rolsuper and m.oid <> w.oid and pg_catalog.pg_has_role(m.oid, w.oid, 'member'::text)), '{}') as members,
       w.writes, l.kind, l.object, l.name, pg_catalog.quote_ident(l.relation) as relation, l.columns
  from lost l
  join works w on w.oid = l.role_oid
 order by not w.writes, w.rolname, l.kind, l.name
