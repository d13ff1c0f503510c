-- The chats, whose clock is not known. By name: between 018 and 021 the column is there, and says nothing yet.
(select c.id, c.real_user_id, c.fictional_user_id, c.chat_state, c.assigned_operator_id, c.assignment_time, c.last_operator_id,
        c.operator_replied_at, c.last_message_at, c.message_count, c.is_active, c.created_at, c.updated_at,
        null::timestamptz as state_since, pg_catalog.to_jsonb(c) ->> 'closed_reason'::text as closed_reason
   from chats as c)
