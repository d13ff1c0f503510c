-- A client stores a user's message once, however often it asks, with the time of its own clock.
insert into messages (id, chat_id, sender_type, content, created_at)
values (:'message_id'::uuid, :'chat_id'::uuid, 'real', :'content'::text, clock_timestamp() - interval '11 minutes')
on conflict (id) do nothing
