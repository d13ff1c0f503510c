-- Puts the availability of operators back to what it was before these actions, where it is still as they left it.
-- actions: their numbers
with given as materialized (
  select a.id as action_id, a.operator_id, a.before, a.after from chatops.actions a where a.id = any(:'actions'::bigint[])
), changed as (
  update operators o
     set is_available = (given.before #>> '{operator,is_available}'::text[])::boolean
    from given
   where o.id = given.operator_id and o.is_available is not distinct from (given.after #>> '{operator,is_available}'::text[])::boolean
  returning o.id, o.is_available, given.action_id, given.after
)
insert into chatops.actions (action, operator_id, undoes, before, after)
select :'action', changed.id, changed.action_id, changed.after,
       pg_catalog.jsonb_build_object('operator', pg_catalog.jsonb_build_object('is_available', changed.is_available))
from changed
returning id as action_id, undoes, operator_id
