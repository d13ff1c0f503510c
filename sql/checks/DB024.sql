-- Which tables have policies that nobody obeys, or one that shuts everybody out?
-- code: DB024
-- title: {count} tables have policies that nobody obeys, or that nobody gets past
-- title-one: the table {object} {trouble}
-- severity: warning
-- group: schema
-- expected: where there are policies, row level security is on; no restrictive policy hides every row of the chat tables
-- why: somebody switched it off for an import or to look for an error, or shut everybody out for a while
-- consequence: every logged-in user reads and writes every row that the grants allow, or nobody reads and writes any
-- help-sql: {remedy}
-- needs-table: chats
-- says: somebody did what they may not; nobody answers
-- A policy that is always false for `anon` alone is a lock on the front door, and no trouble.
select found.object, found.trouble, found.policies, pg_catalog.string_agg(found.remedy, ' ') over () as remedy
  from (
    select pg_catalog.format('%I', c.relname) as object, pg_catalog.count(*) as policies,
           pg_catalog.format('has policies (%s), and row level security is off', pg_catalog.count(*)) as trouble,
           pg_catalog.format('alter table %I enable row level security;', c.relname) as remedy
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
      join pg_policy p on p.polrelid = c.oid
     where not c.relrowsecurity
       -- A partition is read through its parent.
       and not c.relispartition
     group by c.relname
    union all
    select pg_catalog.format('%I', p.tablename), 1, pg_catalog.format('lets nobody past: policy %s is restrictive and always false', p.policyname),
           pg_catalog.format('drop policy %I on %I;', p.policyname, p.tablename)
      from pg_policies p
     where p.schemaname = current_schema()
       and p.tablename in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments', 'operator_activity')
       and p.permissive = 'RESTRICTIVE'
       and 'false' in (p.qual, p.with_check)
       and p.roles operator(pg_catalog.<>) array['anon']::name[]
  ) as found
 order by found.object, found.trouble
