insert into public.platform_config values ('welcome', '"hello"') on conflict do nothing;
