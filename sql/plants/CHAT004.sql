-- Plants CHAT004: the operator answered, but the statement that closes the assignment never came.
update chat_assignments as a
   set released_at = null, release_reason = null
 where a.id = (select id from chat_assignments where chat_id = pg_temp.victim('26') order by assigned_at desc limit 1);
