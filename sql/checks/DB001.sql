-- Which functions run with their owner's rights and lack a search_path, or are open to everyone?
-- code: DB001
-- invariant: I23
-- title: {count} privileged functions of ours can be abused
-- title-one: the privileged function {object} can be abused: {trouble}
-- severity: warning
-- advice: 018 is not in: 027 closes them
-- group: now
-- expected: a function with its owner's rights sets its search_path, and only those may call it who need it
-- why: Postgres opens every new function to everyone, and the hosting's default privileges to its API roles; without a
--   search_path the caller's own path decides which tables it works on
-- consequence: any logged-in user can assign or release chats for any operator, or make the function read other tables
-- help-sql: {remedy}
-- help-text: [before function policy_number: migration 027 does that for all of them; `migrate --dry-run` names the roles that lose a call by it]
-- says: somebody did what they may not
-- shares: privileged_functions, expected_names
-- avoids: mergejoin
-- Functions that policies call must stay open. Before 018 it is advice: only migrating helps. The application's own are DB023.
\set privileged_functions `cat sql/checks/shared/privileged_functions.sql`
\set expected_names `cat sql/checks/shared/expected_names.sql`
with privileged_functions as materialized (:privileged_functions),
expected_names as materialized (:expected_names)
select p.proname as object,
       case when not :'before_018'::boolean then pg_catalog.string_agg(pg_catalog.concat_ws(' ', p.revoking,
         case when not p.has_path
              then pg_catalog.format('alter function %s set search_path = %I, pg_temp;', p.oid::regprocedure, current_schema()) end), ' ') over () end as remedy,
       p.trouble, :'before_018'::boolean as advice,
       pg_catalog.concat_ws('; ',
         case when p.open_to <> '' then 'Postgres opens every new function to everyone, and the hosting''s default privileges to its API roles' end,
         case when not p.has_path then 'without a search_path of its own the caller''s path decides which tables it works on' end) as because,
       pg_catalog.concat_ws('; ',
         case when p.open_to <> '' then 'whoever comes as one of these can call it, for any operator and any chat' end,
         case when not p.has_path then 'who may call it can make it read other tables' end) as so
  from privileged_functions p
 where exists (select from expected_names w
                where w.kind = 'function' and w.name = p.proname)
 order by p.proname
