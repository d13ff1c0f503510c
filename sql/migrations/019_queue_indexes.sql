-- The queue in the order of waiting, over all chats and by the operator who had the chat last; and who was overlooked.
-- effect: builds 3 small indexes on chats while everybody works on
create index concurrently if not exists idx_chats_queue on chats (waiting_since, id)
  where chat_state::text = 'waiting_assignment' and is_active and waiting_since is not null;

-- One lane per last operator, nil for chats that nobody had: the head of every other lane is one probe away.
create index concurrently if not exists idx_chats_queue_by_last_operator
  on chats (coalesce(last_operator_id, '00000000-0000-0000-0000-000000000000'::uuid), waiting_since, id)
  where chat_state::text = 'waiting_assignment' and is_active and waiting_since is not null;

-- Nearly empty at any time: without it `stuck` would look at every chat that waits for its user.
create index concurrently if not exists idx_chats_unanswered on chats (waiting_since)
  where chat_state::text = 'waiting_real_user_reply' and is_active and waiting_since is not null;
