-- Whose user waits although somebody holds the chat, or was never called: the longest first, with how many there are in all.
-- needs: stuck_chats
-- longer_than: for how long at least; limit: how many
select s.chat_id, s.reason, s.since, s.operator_id, s.last_message_at, u.name as user_name, pg_catalog.count(*) over () as total
from stuck_chats s
join chats c on c.id = s.chat_id
left join real_users u on u.id = c.real_user_id
where s.reason <> 'waiting'
  and s.since < now() - :'longer_than'::interval
order by s.since, s.chat_id
limit :'limit'::bigint
