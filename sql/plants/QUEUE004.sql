-- Plants QUEUE004: chats wait, and an operator sits there with nothing to do: their page has stopped asking.
select pg_temp.newcomer('Frieda Muse', p_on_shift_heard => '9 minutes');
