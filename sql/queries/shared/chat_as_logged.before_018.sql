-- What the log keeps of a chat that has no clocks. c: its row
pg_catalog.jsonb_build_object('chat_state', c.chat_state, 'is_active', c.is_active,
  'assigned_operator_id', c.assigned_operator_id, 'assignment_time', c.assignment_time, 'last_operator_id', c.last_operator_id,
  'operator_replied_at', c.operator_replied_at, 'updated_at', c.updated_at)
