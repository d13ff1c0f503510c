-- Which functions run with their owner's rights and lack a search_path, or are open to everyone?
-- code: DB001
-- invariant: I23
-- title: {count} privileged functions of ours can be abused
-- title-one: the privileged function {object} can be abused: {trouble}
-- severity: warning
-- advice: 027, which closes them, is not in
-- group: now
-- expected: a function with its owner's rights sets its search_path, and only those may call it who need it
-- why: Postgres opens every new function to everyone, and the hosting's default privileges to its API roles; without a
--   search_path the caller's own path decides which tables it works on
-- consequence: any logged-in user can assign or release chats for any operator, or make the function read other tables
-- help-sql: {remedy}
-- help-text: [before file 027_privileges: migration 027 does that for all of them; `migrate --to 027 --dry-run` names the roles that lose a call by it, with the grants that keep it]
-- says: somebody did what they may not
-- shares: privileged_functions, expected_names
-- avoids: mergejoin
-- Functions that policies call must stay open. Before 027 it is advice: that file closes them, and says who loses what. By hand whoever
-- writes the chats and calls them as everybody may is granted them first. The application's own are DB023.
\set privileged_functions `cat sql/checks/shared/privileged_functions.sql`
\set expected_names `cat sql/checks/shared/expected_names.sql`
\set roles_at_work `cat sql/queries/shared/roles_at_work.sql`
with privileged_functions as materialized (:privileged_functions),
expected_names as materialized (:expected_names),
works as materialized (:roles_at_work),
closed as (
  -- Whether the file that closes them is in: as the ledger says, else by the queue's clocks.
  select coalesce('027_privileges' = any (:'applied'::text[]), not :'before_018'::boolean) as already
)
select p.proname as object,
       case when not :'before_018'::boolean then pg_catalog.string_agg(pg_catalog.concat_ws(' ',
         case when closed.already and keep.roles is not null then pg_catalog.format('grant execute on function %s to %s;', p.oid::regprocedure, keep.roles) end,
         case when closed.already then p.revoking end,
         case when not p.has_path
              then pg_catalog.format('alter function %s set search_path = %I, pg_temp;', p.oid::regprocedure, current_schema()) end), ' ') over () end as remedy,
       p.trouble, not closed.already as advice,
       pg_catalog.concat_ws('; ',
         case when p.open_to <> '' then 'Postgres opens every new function to everyone, and the hosting''s default privileges to its API roles' end,
         case when not p.has_path then 'without a search_path of its own the caller''s path decides which tables it works on' end) as because,
       pg_catalog.concat_ws('; ',
         case when p.open_to <> '' then 'whoever comes as one of these can call it, for any operator and any chat' end,
         case when not p.has_path then 'who may call it can make it read other tables' end) as so
  from privileged_functions p
 cross join closed
 cross join lateral (
   select pg_catalog.string_agg(pg_catalog.quote_ident(w.rolname), ', ' order by w.rolname) as roles
     from works w
    where w.writes
      and pg_catalog.has_function_privilege(w.oid, p.oid, 'execute'::text)
      and not exists (select from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f'::"char", p.proowner))) as a
                        join pg_roles g on g.oid = a.grantee
                       where a.privilege_type = 'EXECUTE' and g.rolname not in ('anon', 'authenticated')
                         and pg_catalog.pg_has_role(w.oid, g.oid, 'usage'::text))
 ) as keep
 where exists (select from expected_names w
                where w.kind = 'function' and w.name = p.proname)
 order by p.proname
