-- Plants OPER003: an operator went home without switching to away.
select pg_temp.free_newcomer('Heidi Heim', '2 hours');
