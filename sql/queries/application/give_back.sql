-- The application gives back one chat, whoever holds it.
select release_and_reassign_chat(:'chat_id'::uuid, 'manual_release') as back_in_queue
