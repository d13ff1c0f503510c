alter table public.chats enable row level security;
alter table public.messages enable row level security;
create policy "Operators read chats" on public.chats for select using (true);
create policy "Operators read messages" on public.messages for select using (true);
