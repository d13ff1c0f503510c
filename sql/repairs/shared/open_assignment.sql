-- The open assignments of the chats that were found, with their versions. Further conditions follow.
a.id, a.xmin as seen, a.chat_id, a.operator_id, a.assigned_at, c.xmin as chat_seen
    from chats c
    join chat_assignments a on a.chat_id = c.id
   where c.id in (select f.chat_id from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid))
     and a.released_at is null
