-- Which chats have been stuck for so long, the oldest first?
-- needs: stuck_chats
select s.chat_id as id from stuck_chats s where s.since < now() - :'longer_than'::interval order by s.since, s.chat_id
