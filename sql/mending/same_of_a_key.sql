-- How often does a table hold the same of what a unique key forbids, and which rows are the first of them?
-- psql: \set table chats  \set columns 'real_user_id, fictional_user_id'  \set given 'real_user_id is not null and fictional_user_id is not null'
--   \set same 't.real_user_id = f.real_user_id and t.fictional_user_id = f.fictional_user_id'  (given: what the key looks at)
with found as materialized (
  select :columns from :table where :given group by :columns having pg_catalog.count(*) > 1
), first as (
  select * from found order by :columns limit 1
)
select (select pg_catalog.count(*) from found) as times,
       (select pg_catalog.string_agg(one.id, ', ' order by one.id)
          from (select pg_catalog.to_jsonb(t.*) ->> 'id'::text as id from :table t join first f on :same where :given_t order by 1 limit 3) as one) as ids
