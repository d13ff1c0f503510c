-- How far a database without a ledger has come, by the newest object it holds of those that 014 to 017 make.
select case
         when pg_catalog.to_regprocedure('should_keep_assignment(uuid,text,uuid)') is not null then '017'
         when exists (select from pg_constraint
                       where conrelid = pg_catalog.to_regclass('chats')::oid and conname = 'chk_waiting_reply_has_timestamp') then '016'
         when pg_catalog.to_regprocedure('assign_chat_to_operator(uuid)') is not null
              and exists (select from pg_attribute
                           where attrelid = pg_catalog.to_regclass('chats')::oid and attname = 'last_operator_id' and not attisdropped) then '015'
         when exists (select from pg_attribute
                       where attrelid = pg_catalog.to_regclass('chats')::oid and attname = 'chat_state' and not attisdropped) then '014'
         else '001'
       end as number;
