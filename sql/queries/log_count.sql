-- How many rows of the log are meant? The filters of log.sql. limit: so many are counted at the most, null: all
\set log_asked `cat sql/queries/shared/log_asked.sql`
select pg_catalog.count(*) from (select from chatops.actions a where :log_asked limit :'limit'::bigint) as found
