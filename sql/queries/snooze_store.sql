-- Silences a finding in one schema for everybody, until an instant, and writes that into the log.
-- key: the setting; code; until; reason; was, name: as `snooze_before.sql` tells
with stored as (
  insert into chatops.settings as s (target_schema, key, value, until, reason, set_by, set_at)
  values (current_schema(), :'key'::text, '"silent"', :'until'::timestamptz, :'reason'::text, :'name'::text, clock_timestamp())
  on conflict (target_schema, key) do update
    set value = excluded.value, until = excluded.until, reason = excluded.reason, set_by = excluded.set_by, set_at = excluded.set_at
  returning s.until, s.reason
)
insert into chatops.actions (action, code, before, after)
select 'snooze', :'code'::text, :'was'::jsonb, pg_catalog.jsonb_build_object('until', stored.until, 'reason', stored.reason) from stored
returning id as action_id
