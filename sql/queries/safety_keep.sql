-- Keeps what protects, publishes and shapes the tables of this schema, each with the statement that brings it back.
-- anew: after a deliberate act what is kept only until then is as it is now; else what is new is added. The rest is never forgotten.
\set safeguards `cat sql/checks/shared/safeguards.sql`
insert into chatops.settings as s (target_schema, key, value, reason)
select current_schema(), 'safety',
       pg_catalog.jsonb_object_agg(found.label, pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
         'table', found.relation, 'lasting', found.lasting, 'is', found."is", 'sql', found.statement))),
       'what protects and shapes the tables: DB030 tells what of it is gone or otherwise'
  from (:safeguards) as found
having pg_catalog.count(*) > 0
on conflict (target_schema, key) do update
   set value = case when :'anew'::boolean
                    then (select coalesce(pg_catalog.jsonb_object_agg(k.key, k.value), '{}') from pg_catalog.jsonb_each(s.value) as k
                           where coalesce((k.value ->> 'lasting'::text)::boolean, true)) || excluded.value
                    else excluded.value || s.value end,
       set_at = pg_catalog.clock_timestamp(), set_by = session_user
 where excluded.value || s.value is distinct from s.value or (:'anew'::boolean and s.value is distinct from excluded.value)
