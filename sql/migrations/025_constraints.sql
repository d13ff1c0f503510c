-- State, operator and activity of a chat must agree. Not yet checked on the rows that are there: that needs no such lock.
-- effect: contradictory states of a chat are refused from now on
alter table chats
  add constraint chats_operator_when_assigned
    check (chat_state is not null and (chat_state::text = 'assigned') = (assigned_operator_id is not null)) not valid,
  add constraint chats_completed_when_inactive
    check (chat_state is not null and is_active is not null and (chat_state::text = 'completed') = (not is_active)) not valid;
