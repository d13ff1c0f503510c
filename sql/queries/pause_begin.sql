-- Pauses the queue of one schema until an instant, and writes that into the log; nothing restarts, open connections obey.
with paused as (
  insert into chatops.settings as s (target_schema, key, value, until, reason, set_by, set_at)
  values (current_schema(), 'pause', '"on"', clock_timestamp() + :'span'::interval, :'reason'::text, session_user, clock_timestamp())
  on conflict (target_schema, key) do update
    set value = excluded.value, until = excluded.until, reason = excluded.reason, set_by = excluded.set_by, set_at = excluded.set_at
  returning s.until
)
insert into chatops.actions (action, after)
select 'pause', pg_catalog.jsonb_build_object('paused', true, 'until', paused.until) from paused
returning id as action_id, (after ->> 'until'::text)::timestamptz as until
