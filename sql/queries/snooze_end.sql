-- Lets a finding be shown again in one schema, and writes that into the log; no row: it was not silent.
-- key: the setting; code
with ended as (
  delete from chatops.settings s where s.target_schema = current_schema() and s.key = :'key'::text
  returning s.until, s.reason
)
insert into chatops.actions (action, code, before, after)
select 'snooze off', :'code'::text, pg_catalog.jsonb_build_object('until', ended.until, 'reason', ended.reason), null from ended
returning id as action_id
