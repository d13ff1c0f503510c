-- Which tables have policies that nobody obeys, or one that shuts everybody out?
-- code: DB024
-- title: {count} tables have policies that nobody obeys, or that nobody gets past
-- title-one: the table {object} {trouble}
-- narrow: {count} tables have policies that fail
-- narrow-one: 1 table has policies that fail
-- severity: warning
-- critical: nobody gets past the policies of chats, messages or turns
-- group: schema
-- expected: where there are policies, row level security is on; no restrictive policy hides every row of the chat tables
-- why: somebody switched it off for an import or to look for an error, or shut everybody out for a while
-- consequence: every logged-in user reads and writes every row that the grants allow, or nobody reads and writes any
-- help-sql: {remedy}
-- needs-table: chats
-- says: somebody did what they may not; nobody answers
-- A policy that is always false for `anon` alone is a lock on the front door, and no trouble.
select found.object, found.trouble, found.policies, pg_catalog.string_agg(found.remedy, ' ') over () as remedy, found.critical
  from (
    select pg_catalog.format('%I', c.relname) as object, pg_catalog.count(*) as policies,
           pg_catalog.format('has policies (%s), and row level security is off', pg_catalog.count(*)) as trouble,
           pg_catalog.format('alter table %I enable row level security;', c.relname) as remedy, false as critical
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
      join pg_policy p on p.polrelid = c.oid
     where not c.relrowsecurity
       -- A partition is read through its parent.
       and not c.relispartition
     group by c.relname
    union all
    select pg_catalog.format('%I', p.tablename), 1, pg_catalog.format('lets nobody past: policy %s is restrictive and always false', p.policyname),
           pg_catalog.format('drop policy %I on %I;', p.policyname, p.tablename), p.tablename in ('chats', 'messages', 'chat_assignments', 'operators')
      from pg_policies p
     where p.schemaname = current_schema()
       and p.tablename in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments', 'operator_activity')
       and p.permissive = 'RESTRICTIVE'
       and exists (
         select from (values (coalesce(p.qual, 'true')), (coalesce(p.with_check, 'true'))) as c (condition)
          where c.condition = 'false'
             -- One that looks at nothing but literals and the clock is asked as a query by ts_stat, which reads its text.
             or (pg_catalog.regexp_replace(c.condition, '''(?:[^'']|'''')*''|::(text|date|timestamp with time zone|interval|boolean|integer)\M', '', 'g') ~ '^(\s|[0-9().=<>+-]|now\(\)|AND|OR|NOT|true|false)*$'
                 and (select pg_catalog.count(*) from pg_catalog.ts_stat(
                        pg_catalog.format('select pg_catalog.array_to_tsvector(array[''shut'']) where (%s) is not true', c.condition))) > 0)
             or exists (
               select from pg_policy o
                 join pg_depend d on d.classid = 'pg_policy'::regclass::oid and d.objid = o.oid and d.refclassid = 'pg_proc'::regclass::oid
                 join pg_proc f on f.oid = d.refobjid
                where o.polrelid = pg_catalog.to_regclass(pg_catalog.format('%I.%I', p.schemaname, p.tablename))::oid and o.polname = p.policyname
                  and c.condition ~ ('^(\w+\.)?"?' || f.proname::text || '"?\(\)$')
                  and f.prosrc ~* '^\s*(begin\s+return|select)\s+\(?(false|null(::bool(ean)?)?)\)?\s*;?\s*(end\s*;?\s*)?$'))
       and p.roles operator(pg_catalog.<>) array['anon']::name[]
  ) as found
 order by found.critical desc, found.object, found.trouble
