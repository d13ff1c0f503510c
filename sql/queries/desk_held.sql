-- Whose user waits although somebody holds the chat, or was never called: the longest first, with how many there are in all.
-- needs: stuck_chats
-- longer_than: for how long at least; limit: how many. The names are looked up for the few that are shown, not joined to all.
with held as materialized (
  select s.chat_id, s.reason, s.since, s.operator_id, s.last_message_at, pg_catalog.count(*) over () as total
  from stuck_chats s
  where s.reason <> 'waiting'
    and s.since < now() - :'longer_than'::interval
  order by s.since, s.chat_id
  limit :'limit'::bigint
)
select h.chat_id, h.reason, h.since, h.operator_id, h.last_message_at,
       (select u.name from chats c join real_users u on u.id = c.real_user_id where c.id = h.chat_id) as user_name, h.total
from held h
order by h.since, h.chat_id
