-- The chats, whose clock is not known.
(select chats.*, null::timestamptz as state_since, null::text as closed_reason from chats)
