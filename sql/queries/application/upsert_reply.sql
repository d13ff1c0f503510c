-- A client stores an operator's reply once, however often it asks, with the time of its own clock.
insert into messages (id, chat_id, sender_type, content, handled_by_operator_id, created_at)
values (:'message_id'::uuid, :'chat_id'::uuid, 'fictional', :'content'::text, :'operator_id'::uuid,
        clock_timestamp() + interval '11 minutes')
on conflict (id) do update set content = excluded.content, created_at = excluded.created_at
