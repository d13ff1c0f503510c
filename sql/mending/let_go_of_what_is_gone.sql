-- What puts a foreign key with ON DELETE SET NULL back: rows let go of what is gone, as the key would have done.
-- psql: \set table, \set column, \set lost (as in without_what_they_refer_to.sql)  \set put_back 'alter table ... add constraint ...;'
begin;
update :table t set :column = null where :lost;
:put_back
commit;
