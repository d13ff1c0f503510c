alter table chats add constraint chk_assigned_state_has_operator
  check (chat_state <> 'assigned' or assigned_operator_id is not null);
create or replace function detect_stuck_chats(p_hours int default 24) returns setof uuid language sql stable as
  'select id from chats where created_at < now() - make_interval(hours => p_hours)';
