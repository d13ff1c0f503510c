-- The chat tables on a Citus cluster: made one by one, for what a block makes stays on the coordinator, in silence.
-- only-without: chats

-- one by one: do $chat_core$
