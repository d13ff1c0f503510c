-- Lets those read our new views who may read the tables beneath: published functions read them as their callers.
-- views: those that were not there. Each reads as whoever asks (security_invoker), so that nobody is shown a row that they could not read.
do $rights$
declare
  v_grant text;
begin
  for v_grant in
    select pg_catalog.format('grant select on %s to %s', v.oid::regclass, case when g.grantee = 0::oid then 'public' else g.grantee::regrole::text end)
      from (values ('chat_queue', 'chats'), ('stuck_chats', 'chats'), ('operator_load', 'operators')) as o (view, beneath)
      join pg_catalog.pg_namespace as n on n.nspname = current_schema()
      join pg_catalog.pg_class as v on v.relnamespace = n.oid and v.relname = o.view and v.relkind = 'v' and 'security_invoker=true' = any (v.reloptions)
      join pg_catalog.pg_class as t on t.relnamespace = n.oid and t.relname = o.beneath
     cross join lateral (
       select a.grantee from pg_catalog.aclexplode(t.relacl) as a where a.privilege_type = 'SELECT'
       union
       select a.grantee
         from pg_catalog.pg_attribute as c
        cross join lateral pg_catalog.aclexplode(c.attacl) as a
        where c.attrelid = t.oid and a.privilege_type = 'SELECT'
     ) as g
     where o.view = any (:'views'::text[])
       and g.grantee <> v.relowner
     order by 1
  loop
    execute v_grant;
  end loop;
end
$rights$
