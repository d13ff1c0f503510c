-- Plants DATA001: the application read and rewrote counters while somebody else did the same.
--
-- Two rows: a chat that counts three messages too many, an operator who counts seven too few.
update chats set message_count = message_count + 3 where id = pg_temp.victim('36');
update operators set total_messages = total_messages - 7
 where id = (select last_operator_id from chats where id = pg_temp.victim('36'));
