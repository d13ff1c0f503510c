-- Has no number: for people, not for a migrator.
select chat_state, count(*) from chats group by chat_state;
