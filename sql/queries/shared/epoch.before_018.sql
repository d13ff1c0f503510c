-- The version of who holds a chat: the instant of the last assignment or reply. c: its row
coalesce((extract(epoch from greatest(c.assignment_time, c.operator_replied_at)) * 1000000::numeric)::bigint, 0)
