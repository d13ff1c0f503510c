-- Plants QUEUE004: chats wait, and an operator sits there with nothing to do: their page has stopped asking.
select pg_temp.free_newcomer('Frieda Muse', '9 minutes');
