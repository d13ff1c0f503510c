-- Plants QUEUE004: chats wait, and an operator sits there with nothing to do: their page has stopped asking.
do $plant$
declare
  v_operator_id constant uuid := pg_temp.newcomer('Frieda Muse');
begin
  update operators set is_available = true, last_activity = now() - interval '9 minutes' where id = v_operator_id;
end
$plant$;
