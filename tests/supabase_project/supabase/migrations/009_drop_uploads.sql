drop table if exists public.uploads;
