-- The chats, each with the clock of its state.
chats
