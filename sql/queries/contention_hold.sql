-- Holds back whoever begins a turn, and nobody who reads or locks a chat, until this transaction ends.
lock table chat_assignments in share mode
