alter table public.users_old rename to real_users;
alter table public.messages rename column body to content;
