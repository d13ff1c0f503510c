-- What the log keeps of a chat. c: its row
pg_catalog.jsonb_build_object('chat_state', c.chat_state, 'is_active', c.is_active,
  'waiting_since', c.waiting_since, 'state_since', c.state_since, 'epoch', c.epoch,
  'releases_without_reply', c.releases_without_reply, 'closed_reason', c.closed_reason,
  'assigned_operator_id', c.assigned_operator_id, 'assignment_time', c.assignment_time, 'last_operator_id', c.last_operator_id,
  'operator_replied_at', c.operator_replied_at, 'updated_at', c.updated_at)
