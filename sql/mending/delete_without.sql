-- What puts a foreign key back: rows that refer to what is gone are deleted, as the key would have done.
-- psql: \set table, \set lost (as in without_what_they_refer_to.sql)  \set put_back 'alter table ... add constraint ...;'
begin;
delete from :table t where :lost;
:put_back
commit;
