-- The idle cron through its function: one statement.
select chat_id, operator_id, outcome from release_idle_chats()
