-- The bodies of the functions that decide which chat is assigned next.
select p.prosrc
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
 where n.nspname = current_schema()
   and p.proname in ('assign_chat_to_operator', 'take_next_chat')
