-- Silences a finding in one schema for everybody, until an instant, and writes that into the log.
-- key: the setting; code; until; reason; who: the account, where several people have one role
with before as (
  select pg_catalog.jsonb_build_object('until', s.until, 'reason', s.reason) as was
  from chatops.settings s
  where s.target_schema = current_schema() and s.key = :'key'::text
), who as (
  -- The owner of the log, or a superuser, is nobody in particular.
  select case when session_user::text = pg_catalog.pg_get_userbyid(l.relowner)::text
                or exists (select from pg_catalog.pg_roles r where r.rolname = session_user and r.rolsuper)
              then coalesce(nullif(:'who'::text, ''), session_user::text) else session_user::text end as name
  from pg_catalog.pg_class l
  where l.oid = 'chatops.settings'::regclass::oid
), stored as (
  insert into chatops.settings as s (target_schema, key, value, until, reason, set_by, set_at)
  values (current_schema(), :'key'::text, '"silent"', :'until'::timestamptz, :'reason'::text, (select name from who), clock_timestamp())
  on conflict (target_schema, key) do update
    set value = excluded.value, until = excluded.until, reason = excluded.reason, set_by = excluded.set_by, set_at = excluded.set_at
  returning s.until, s.reason
)
insert into chatops.actions (action, code, before, after)
select 'snooze', :'code'::text, (select was from before), pg_catalog.jsonb_build_object('until', stored.until, 'reason', stored.reason) from stored
returning id as action_id
