-- How many chats have not moved for longer than a given time?
-- needs: stuck_chats
select pg_catalog.count(*) from stuck_chats s where s.since < now() - :'longer_than'::interval
