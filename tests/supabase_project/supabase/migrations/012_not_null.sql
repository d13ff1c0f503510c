alter table public.chats alter column is_active set not null, alter column created_at set default now();
alter table public.messages add constraint messages_content_short check (length(content) < 10000) not valid;
alter table public.messages validate constraint messages_content_short;
