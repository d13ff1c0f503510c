alter table chats add column if not exists chat_state text default 'waiting_assignment';
alter table chats add column if not exists last_operator_id uuid references operators (id) on delete set null;
create index if not exists idx_chats_waiting_assignment on chats (created_at) where chat_state = 'waiting_assignment';
update chats set chat_state = 'assigned' where assigned_operator_id is not null;
