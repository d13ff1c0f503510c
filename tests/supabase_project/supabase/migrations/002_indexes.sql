create index idx_messages_chat on public.messages (chat_id, created_at);
create index if not exists idx_chats_operator on public.chats (assigned_operator_id) where assigned_operator_id is not null;
