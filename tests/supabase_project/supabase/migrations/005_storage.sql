-- The number is used twice.
create table if not exists public.uploads (id bigint generated always as identity primary key, path text);
