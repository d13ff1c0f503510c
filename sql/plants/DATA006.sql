-- Plants DATA006: an import of users wrote infinity where the old system did not know since when somebody was there.
-- not-in-demo: the figures of the demo are told with finite times
update real_users set created_at = 'infinity'
 where id = (select c.real_user_id from chats as c where c.id = pg_temp.victim('56'));
