create table public.platform_config (key text primary key, value jsonb not null);
insert into public.platform_config values ('max_reassignments', '3'), ('idle_timeout_minutes', '5');
