-- Plants CHAT010: two assigns of one chat in the same moment; the second operator gave it back a minute later.
insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason, created_at)
select chat_id, pg_temp.newcomer('Zita Doppler'), assigned_at + interval '1 second', released_at - interval '2 seconds',
       'manual_release', assigned_at + interval '1 second'
  from chat_assignments
 where chat_id = pg_temp.victim('30')
 order by assigned_at desc
 limit 1;
