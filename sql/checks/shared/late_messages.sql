-- The replies of the window, each by its chat, and when the message before it was written where that is the same reply again.
-- There is no index by time, and a chat remembers when it was last written into. What a message says is compared where it lies:
-- the texts of a day have no room in memory.
select m.chat_id, m.handled_by_operator_id, m.created_at, m.repeated_at
  from chats c
 cross join lateral (
   select w.chat_id, w.sender_type, w.handled_by_operator_id, w.created_at,
          case when pg_catalog.lag(w.sender_type::text) over conversation = 'fictional'
                    and w.content::text = pg_catalog.lag(w.content::text) over conversation
                    and w.handled_by_operator_id is not distinct from pg_catalog.lag(w.handled_by_operator_id) over conversation
               then pg_catalog.lag(w.created_at) over conversation end as repeated_at
     from messages w
    where w.chat_id = c.id and w.created_at >= now() - :'since'::interval
   window conversation as (order by w.created_at, w.id)
   offset 0
 ) as m
 where c.last_message_at >= now() - :'since'::interval
   and m.sender_type::text = 'fictional'
