-- Plants OPER003: an operator went home without switching to away.
select pg_temp.newcomer('Heidi Heim', p_on_shift_heard => '2 hours');
