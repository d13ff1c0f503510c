-- How many rows refer to what is gone?
-- psql: \set table chats  \set lost 't.real_user_id is not null and not exists (select from real_users o where o.id = t.real_user_id)'
select pg_catalog.count(*) from :table t where :lost
