-- Whether a chat and its messages disagree about when it was last written into. c: the chat; newest: its last message (last_written)
coalesce(c.last_message_at, '-infinity') not between newest.at - interval '1 minute' and newest.at + interval '1 minute'
