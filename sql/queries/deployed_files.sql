-- How far a database without a ledger has come, by the newest object it holds of those that 014 to 028 make.
-- What only moves rows (020, 023) or sets rights (027) is not told: adopt says what cannot be proven.
select case
         -- It makes nothing of its own: its text of what 022 makes looks at what is moved.
         when exists (select from pg_proc
                       where proname = 'order_message' and prosrc like '%chatops.moving%'
                         and pronamespace = (select relnamespace from pg_class where oid = pg_catalog.to_regclass('chats')::oid)) then '028'
         when exists (select from pg_constraint
                       where conrelid = pg_catalog.to_regclass('chats')::oid and conname = 'chats_operator_when_assigned'
                         and convalidated) then '026'
         when exists (select from pg_constraint
                       where conrelid = pg_catalog.to_regclass('chats')::oid and conname = 'chats_operator_when_assigned') then '025'
         when pg_catalog.to_regclass('chats_one_per_operator') is not null then '024'
         when pg_catalog.to_regclass('guarded_columns') is not null then '022'
         when pg_catalog.to_regprocedure('refuse_late_reply(uuid,uuid)') is not null then '021'
         when pg_catalog.to_regclass('idx_chats_queue') is not null then '019'
         when exists (select from pg_attribute
                       where attrelid = pg_catalog.to_regclass('chats')::oid and attname = 'waiting_since' and not attisdropped) then '018'
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
