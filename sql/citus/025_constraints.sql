-- On a Citus cluster one constraint comes with one statement.

-- instead of: alter table chats
alter table chats
  add constraint chats_operator_when_assigned
    check (((chat_state::text = 'assigned') = (assigned_operator_id is not null)) is true) not valid;
alter table chats
  add constraint chats_completed_when_inactive
    check (((chat_state::text = 'completed') = (not is_active)) is true) not valid;
