-- Makes an operator unavailable, so that no chat comes to them, and remembers what they were.
-- operator
with was as materialized (
  select o.id, o.is_available from operators o where o.id = :'operator'::uuid for no key update
), changed as (
  update operators o set is_available = false from was where o.id = was.id
  returning o.id
), result as (
  select 'drain'::text as action, null::uuid as chat_id, was.id as operator_id,
         pg_catalog.jsonb_build_object('operator', pg_catalog.jsonb_build_object('is_available', was.is_available)) as before,
         pg_catalog.jsonb_build_object('operator', pg_catalog.jsonb_build_object('is_available', false)) as after
  from was join changed on changed.id = was.id
)
insert into chatops.actions (action, chat_id, operator_id, before, after)
select action, chat_id, operator_id, before, after from result
returning id as action_id, chat_id, after #>> '{chat,chat_state}'::text[] as chat_state
