-- A setting of one schema that ends by itself. key, value (JSON), reason; span: for how long from now
insert into chatops.settings as s (target_schema, key, value, until, reason, set_by, set_at)
values (current_schema(), :'key'::text, :'value'::jsonb, clock_timestamp() + :'span'::interval, :'reason'::text, session_user,
        clock_timestamp())
on conflict (target_schema, key) do update
  set value = excluded.value, until = excluded.until, reason = excluded.reason, set_by = excluded.set_by, set_at = excluded.set_at
returning s.until
