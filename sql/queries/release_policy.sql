-- What does the application's configuration say about idle operators and releases? Texts that hold a number count as one.
select key, value #>> '{}'::text[] as value from platform_config
where key::text in ('idle_timeout_minutes', 'max_reassignments', 'own_chat_after_seconds')
