-- An admin's reassign notes the old operator's turn as ended: a second row beside the open one.
insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason)
values (:'chat_id'::uuid, :'operator_id'::uuid, statement_timestamp(), statement_timestamp(),
        'manual_reassignment_by_admin:' || :'reason'::text)
