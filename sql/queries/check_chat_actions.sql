-- What was done to one chat with chatops, newest first.
\set log_fills `cat sql/queries/shared/log_fills.sql`
select a.at, case when :log_fills then 'fill in' else a.action end || coalesce(' ' || a.code, '') as event, a.operator_id, o.name as operator_name,
       pg_catalog.concat_ws(', ', nullif(a.outcome, 'done'), a.reason, 'action ' || a.id::text) as detail
  from chatops.actions a
  left join operators o on o.id = a.operator_id
 where a.chat_id = :'chat_id'::uuid and a.target_schema = :'schema'
 order by a.id desc
 limit :'rows'::bigint
