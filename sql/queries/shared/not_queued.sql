-- Whether an active chat in state waiting_assignment is not in the queue. c: its row
c.waiting_since is null
