-- What was done to one operator's chats by hand or by a repair, as the log has it; newest first.
select a.at, 'forced: ' || a.action || ' (' || a.outcome || ', action ' || a.id::text || ')' as event, a.chat_id, a.reason as detail
  from chatops.actions a
 where a.operator_id = :'operator'::uuid and a.target_schema = current_schema()
 order by a.at desc
 limit :'rows'::bigint
