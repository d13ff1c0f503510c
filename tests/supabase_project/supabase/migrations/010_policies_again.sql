drop policy if exists "Operators read chats" on public.chats;
create policy "Operators read chats" on public.chats for select using (is_active);
create policy "Operators write chats" on public.chats for update using (true);
