-- How many chats are over although their user spoke last, since a given instant?
-- since: an instant
select pg_catalog.count(*)
from chats c
cross join lateral (
  select m.sender_type from messages m where m.chat_id = c.id order by m.created_at desc limit 1
) said
where (c.chat_state::text = 'completed' or c.is_active is false)
  and c.last_message_at >= :'since'::timestamptz
  and said.sender_type::text = 'real'
