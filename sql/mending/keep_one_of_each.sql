-- What puts a unique key back where rows differ in all else: of each the row that was stored last stays.
-- psql: \set table, \set given_t, \set same (as in same_of_a_key.sql, of t and f)  \set put_back 'alter table ... add constraint ...;'
begin;
delete from :table t using (select * , ctid as place from :table :where) f where :same and t.ctid < f.place;
:put_back
commit;
