-- Which chats that were over did somebody open again with chatops since an instant, and who? The last time of each.
-- schema; since: an instant
\set logged_by `cat sql/queries/shared/logged_by.sql`
select distinct on (a.chat_id) a.chat_id, a.at, (:logged_by) as who
from chatops.actions a
join pg_catalog.pg_class l on l.oid = 'chatops.actions'::regclass::oid
where a.target_schema = :'schema' and a.at >= :'since'::timestamptz and a.outcome = 'done' and a.chat_id is not null
  -- Moved chats are logged as rows by their table, repaired ones as columns.
  and (coalesce(a.before #>> '{chat,chat_state}'::text[], a.before ->> 'chat_state'::text) = 'completed'
       or coalesce(a.before #>> '{chat,is_active}'::text[], a.before ->> 'is_active'::text) = 'false')
  and coalesce(a.after #>> '{chat,chat_state}'::text[], a.after ->> 'chat_state'::text, 'completed') <> 'completed'
  and coalesce(a.after #>> '{chat,is_active}'::text[], a.after ->> 'is_active'::text, 'false') = 'true'
order by a.chat_id, a.id desc
