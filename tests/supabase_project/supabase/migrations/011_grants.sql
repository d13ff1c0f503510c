grant select on public.chats to pg_monitor;
revoke all on public.platform_config from public;
