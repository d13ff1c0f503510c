-- The idle cron gives back one chat.
select release_and_reassign_chat(:'chat_id'::uuid, 'idle_timeout') as back_in_queue
