-- On a Citus cluster one constraint comes with one statement.

-- instead of: alter table chats
alter table chats
  add constraint chats_operator_when_assigned
    check (chat_state is not null and (chat_state::text = 'assigned') = (assigned_operator_id is not null)) not valid;
alter table chats
  add constraint chats_completed_when_inactive
    check (chat_state is not null and is_active is not null and (chat_state::text = 'completed') = (not is_active)) not valid;
