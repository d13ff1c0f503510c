-- Which chats say that their user began to wait later than they did?
select id as chat_id, null::interval as late_by, null::text as remedy from chats where false
