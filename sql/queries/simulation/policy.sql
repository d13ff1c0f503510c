-- The policy of a simulation: operators count as silent after a moment, and no chat ends because it came back too often.
insert into platform_config (key, value)
values ('idle_timeout_minutes', pg_catalog.to_jsonb(pg_catalog.round(:'idle_seconds'::numeric / 60::numeric, 6))), ('max_reassignments', '1000'),
       ('own_chat_after_seconds', '1')
on conflict (key) do update set value = excluded.value
