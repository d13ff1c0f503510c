-- What protected or published a table when chatops last looked, and is gone?
-- code: DB030
-- title: {count} safeguards of the tables are gone
-- title-one: {object} is gone
-- severity: warning
-- group: schema
-- expected: row level security, policies and the realtime publication are as chatops last found them, or more
-- why: a restore left them out, or somebody took them away to look for an error
-- consequence: others read and write rows that were closed to them, or the pages are not told of changes
-- help-sql: {remedy}
-- help-text: if it was meant to go, let chatops forget what it keeps: {forget}
-- needs-table: chats
-- says: somebody did what they may not · the deploy is not right
-- if-absent: chatops.settings
-- unplanted: the deployed system has no schema chatops that could remember
-- Kept by migrate, adopt and monitor --store, in chatops.settings. Of a table that is gone nothing is missed.
select k.key as object, pg_catalog.string_agg(k.value ->> 'sql'::text, ' ') over () as remedy, s.set_at as kept_at,
       pg_catalog.format('delete from chatops.settings where target_schema = %L and key = %L;', s.target_schema, s.key) as forget
  from chatops.settings s
 cross join lateral pg_catalog.jsonb_each(s.value) as k
  join pg_namespace n on n.nspname = s.target_schema
  join pg_class c on c.relnamespace = n.oid and c.relname = k.value ->> 'table'::text
 where s.target_schema = current_schema()
   and s.key = 'safety'
   and case
         when pg_catalog.starts_with(k.key, 'row level security of ') then not c.relrowsecurity
         when pg_catalog.starts_with(k.key, 'policy ')
           then not exists (select from pg_policy p where p.polrelid = c.oid and 'policy ' || p.polname::text || ' of ' || c.relname::text = k.key)
         else not exists (select from pg_publication_tables t
                           where t.schemaname = n.nspname and t.tablename = c.relname
                             and t.tablename::text || ' in publication ' || t.pubname::text = k.key)
       end
 order by 1
