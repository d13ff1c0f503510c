-- Switches the guards of one schema on again, and writes that into the log.
with switched as (
  delete from chatops.settings s where s.target_schema = current_schema() and s.key = 'guards' returning s.until
)
insert into chatops.actions (action, before, after)
select 'guard on', pg_catalog.jsonb_build_object('guards', 'off', 'until', switched.until), pg_catalog.jsonb_build_object('guards', 'on') from switched
returning id as action_id, null::timestamptz as until
