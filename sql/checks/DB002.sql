-- Which policies let everybody write every row?
-- code: DB002
-- invariant: I24
-- title: {count} policies let everybody write every row
-- title-one: the policy {policy} on {relation} lets everybody write every row
-- severity: advice
-- group: now
-- expected: no policy on the chat tables that allows writing is always true
-- why: a policy was written to make an error go away
-- consequence: any logged-in user can change any chat, message or heartbeat
-- help-text: a person decides, for writes of the application that rely on it fail afterwards: change both together; without it: {statement}
-- needs-table: chats
-- says: somebody did what they may not
select p.tablename as relation,
       p.policyname as policy,
       p.cmd as allows,
       pg_catalog.array_to_string(p.roles, ', ') as roles,
       pg_catalog.format('drop policy %I on %I;', p.policyname, p.tablename)
       -- Who reads by it goes on reading.
       || case when p.cmd = 'ALL'
               then pg_catalog.format(' create policy %I on %I for select to %s using (%s);', p.policyname, p.tablename,
                                      (select pg_catalog.string_agg(pg_catalog.quote_ident(r.name), ', ') from pg_catalog.unnest(p.roles) as r (name)), coalesce(p.qual, 'true')) else '' end as statement
  from pg_policies p
 where p.schemaname = current_schema()
   and p.tablename in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments',
                       'operator_activity', 'platform_config')
   and p.permissive = 'PERMISSIVE'
   and p.cmd in ('ALL', 'INSERT', 'UPDATE', 'DELETE')
   and coalesce(p.with_check, p.qual) = 'true'
   and p.roles operator(pg_catalog.&&) array['public', 'anon', 'authenticated']::name[]
 order by p.tablename, p.policyname
