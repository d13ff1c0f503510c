-- What was done to one operator's chats by hand or by a repair, as the log has it; newest first.
select a.at, a.action || coalesce(' ' || a.code, '') as event, a.chat_id,
       pg_catalog.concat_ws(', ', nullif(a.outcome, 'done'), a.reason, 'action ' || a.id::text) as detail
  from chatops.actions a
 where a.operator_id = :'operator'::uuid and a.target_schema = current_schema()
 order by a.at desc
 limit :'rows'::bigint
