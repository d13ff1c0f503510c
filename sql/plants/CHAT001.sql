-- Plants CHAT001: a double click on "next chat" gave one operator two chats.
do $plant$
declare
  v_operator_id constant uuid := pg_temp.newcomer('Dora Klick');
begin
  perform pg_temp.hold(pg_temp.victim('20'), v_operator_id, '2 minutes 4 seconds');
  perform pg_temp.hold(pg_temp.victim('21'), v_operator_id, '2 minutes 3 seconds');
end
$plant$;
