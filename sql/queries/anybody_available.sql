-- Is anybody there who may be given what is given back? Who is available and was heard of since then, whatever they hold.
-- since: an instant
select exists (
  select from operators o
   where o.is_active and o.is_available
     and greatest(o.last_activity, (select pg_catalog.max(a.last_activity) from operator_activity a where a.operator_id = o.id)) >= :'since'::timestamptz)
