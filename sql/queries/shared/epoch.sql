-- The version of who holds a chat. c: its row
c.epoch
