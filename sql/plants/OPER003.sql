-- Plants OPER003: an operator went home without switching to away.
do $plant$
declare
  v_operator_id constant uuid := pg_temp.newcomer('Heidi Heim');
begin
  update operators set is_available = true, last_activity = now() - interval '2 hours' where id = v_operator_id;
end
$plant$;
