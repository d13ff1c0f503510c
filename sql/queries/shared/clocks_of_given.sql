-- The clocks of a chat that is given to somebody. c: its row
state_since = statement_timestamp(), epoch = c.epoch + 1, closed_reason = null,
waiting_since = case when c.is_active then c.waiting_since else oldest_unanswered(c.id) end,
