-- Plants CHAT007: an idle release that had waited behind the reply put an answered chat back into the queue.
update chats
   set chat_state = 'waiting_assignment', updated_at = last_message_at + interval '2 seconds'
 where id = pg_temp.victim('2a');
