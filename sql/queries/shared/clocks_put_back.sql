-- The clocks of a chat that is put back as it was. c: its row; w: as it was
waiting_since = case when w.is_active then oldest_unanswered(c.id) else w.waiting_since end,
state_since = w.state_since, releases_without_reply = w.releases_without_reply,
closed_reason = w.closed_reason, epoch = c.epoch + 1,
