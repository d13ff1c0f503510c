-- Whether anything that chatops keeps of the tables is otherwise now, gone or new: where nothing is, DB030 has nothing to tell, and to
-- plan all that it can tell takes three times as long. What is so by each way of naming it is no difference, though more may be the same.
\set safeguards `cat sql/checks/shared/safeguards.sql`
with kept as materialized (
  select s.value from chatops.settings s where s.target_schema = current_schema() and s.key = 'safety'
), now_there as materialized (
  select g.label, pg_catalog.jsonb_strip_nulls(g."is") as "is" from (:safeguards) as g where exists (select from kept)
)
select exists (select from kept k where pg_catalog.jsonb_typeof(k.value) <> 'object')
    or exists (select from kept k join now_there t on t."is" is distinct from k.value -> t.label -> 'is'::text)
    or exists (select from kept k
                cross join lateral pg_catalog.jsonb_object_keys(case when pg_catalog.jsonb_typeof(k.value) = 'object' then k.value else '{}' end) as o (label)
                where not exists (select from now_there t where t.label = o.label)) as found
