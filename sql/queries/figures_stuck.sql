-- How many chats does detect_stuck_chats() tell of now, and how many once chatops' own is in? The chats as they are.
-- needs: stuck_chats
select d.found, (select pg_catalog.count(*) from stuck_chats where since < now() - interval '24 hours') as found_then
  from (select pg_catalog.count(*) as found from detect_stuck_chats()) as d
 where exists (select 1 from pg_catalog.pg_class)
