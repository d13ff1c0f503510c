-- Which tables have policies that nobody obeys?
-- code: DB024
-- title: {count} tables have policies, and row level security is off
-- title-one: the table {object} has policies ({policies}), and row level security is off
-- severity: warning
-- group: schema
-- expected: where there are policies, row level security is on
-- why: somebody switched it off for an import or to look for an error
-- consequence: every logged-in user reads and writes every row that the grants allow: other people's chats
-- help-sql: alter table {relation} enable row level security;
-- needs-table: chats
-- says: somebody did what they may not
select pg_catalog.format('%I', c.relname) as object, pg_catalog.format('%I', c.relname) as relation, pg_catalog.count(*) as policies
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
  join pg_policy p on p.polrelid = c.oid
 where not c.relrowsecurity
   -- A partition is read through its parent.
   and not c.relispartition
 group by c.relname
 order by c.relname
