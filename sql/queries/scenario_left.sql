-- How many rows of the made-up people and chats are there? None may be.
select (select pg_catalog.count(*) from operators where id = any(:'ids'::uuid[]))
     + (select pg_catalog.count(*) from real_users where id = any(:'ids'::uuid[]))
     + (select pg_catalog.count(*) from fictional_users where id = any(:'ids'::uuid[]))
     + (select pg_catalog.count(*) from chats where real_user_id = any(:'ids'::uuid[]) or fictional_user_id = any(:'ids'::uuid[])) as remaining
