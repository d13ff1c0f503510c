-- Who did what, when, why and with which outcome, the newest first, where there are no chat tables? As log.sql, without names.
\set log_fills `cat sql/queries/shared/log_fills.sql`
\set log_columns `cat sql/queries/shared/log_columns.sql`
\set log_asked `cat sql/queries/shared/log_asked.sql`
with operators as (select null::uuid as id, null::text as name where false)
select :log_columns
from chatops.actions a
join pg_catalog.pg_class l on l.oid = 'chatops.actions'::regclass::oid
left join operators o on o.id = a.operator_id
where :log_asked
order by a.id desc
limit :'limit'::bigint
