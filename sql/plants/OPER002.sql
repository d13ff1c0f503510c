-- Plants OPER002: the other chats were locked for a moment, so the operator got the chat that they had just answered.
do $plant$
declare
  v_chat_id     constant uuid := pg_temp.victim('4c', '45 minutes');
  v_operator_id constant uuid := pg_temp.newcomer('Rita Wieder');
begin
  perform pg_temp.hold(v_chat_id, v_operator_id, '25 minutes');
  perform pg_temp.answer(v_chat_id, '23 minutes', 'Gladly. What is new?');
  perform pg_temp.hold(v_chat_id, v_operator_id, '3 minutes 20 seconds');
end
$plant$;
