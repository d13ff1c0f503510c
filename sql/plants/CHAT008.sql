-- Plants CHAT008: the heartbeat of an operator who has answered and gone on was never deleted.
insert into operator_activity (chat_id, operator_id, last_activity, updated_at)
select id, last_operator_id, operator_replied_at, operator_replied_at
  from chats where id = pg_temp.victim('2c');
