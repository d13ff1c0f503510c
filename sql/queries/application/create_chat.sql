-- The application creates a chat before anybody has written in it.
insert into chats (real_user_id, fictional_user_id, chat_state)
values (:'real_user_id'::uuid, :'fictional_user_id'::uuid, 'waiting_assignment')
returning id as chat_id
