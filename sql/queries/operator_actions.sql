-- What was done to one operator's chats by hand or by a repair, as the log has it; newest first.
\set log_fills `cat sql/queries/shared/log_fills.sql`
select a.at, case when :log_fills then 'fill in' else a.action end || coalesce(' ' || a.code, '') as event, a.chat_id,
       pg_catalog.concat_ws(', ', nullif(a.outcome, 'done'), a.reason, 'action ' || a.id::text) as detail
  from chatops.actions a
 where a.operator_id = :'operator'::uuid and a.target_schema = current_schema()
 order by a.at desc
 limit :'rows'::bigint
