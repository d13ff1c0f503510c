-- Who did what, when, why and with which outcome, the newest first?
-- Each filter is null where it was not given. action_id: one by its number; chat; operator: the one acted for, or who held the chat before or after;
-- who: part of the database role, the account or the pipeline's run; since, until: instants; plan; action: what was done, or its first word; outcome; limit: how many
\set log_fills `cat sql/queries/shared/log_fills.sql`
\set log_columns `cat sql/queries/shared/log_columns.sql`
\set log_asked `cat sql/queries/shared/log_asked.sql`
select :log_columns
from chatops.actions a
join pg_catalog.pg_class l on l.oid = 'chatops.actions'::regclass::oid
left join operators o on o.id = a.operator_id
where :log_asked
order by a.id desc
limit :'limit'::bigint
