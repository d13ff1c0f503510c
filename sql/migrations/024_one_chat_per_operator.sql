-- An operator holds one chat, and a chat has one open assignment: no writer can break that any more.
-- effect: 2 unique indexes on the chats held, built while everybody works on
create unique index concurrently if not exists chats_one_per_operator on chats (assigned_operator_id)
  where chat_state::text = 'assigned' and is_active;

create unique index concurrently if not exists chat_assignments_one_open_per_chat on chat_assignments (chat_id)
  where released_at is null;
