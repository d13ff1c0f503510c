-- State, operator and activity of a chat must agree. Not yet checked on the rows that are there: that needs no such lock.
-- effect: contradictory states of a chat are refused from now on
--
-- Short on purpose: the server reads each anew for every statement that writes a chat. Nothing that is null is true.
alter table chats
  add constraint chats_operator_when_assigned
    check (((chat_state::text = 'assigned') = (assigned_operator_id is not null)) is true) not valid,
  add constraint chats_completed_when_inactive
    check (((chat_state::text = 'completed') = (not is_active)) is true) not valid;
