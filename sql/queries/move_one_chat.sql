-- Does the database itself forbid that an operator holds two chats?
select exists (
  select from pg_index i
  join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
  where i.indrelid = 'chats'::regclass::oid and i.indisunique and i.indisvalid and i.indnkeyatts = 1
    and a.attname = 'assigned_operator_id'
) as one_chat
