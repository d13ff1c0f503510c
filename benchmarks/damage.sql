-- A large system as the deployed application leaves it. What is special about a chat is told by its number modulo 1,000 (r), so
-- that one chat in a thousand has each fault. Run by damage.py on a connection on which no trigger fires.
-- part: fill
create function pg_temp.key(kind text, number bigint) returns uuid immutable language sql
return ('00000000-0000-4000-' || kind || '-' || lpad(to_hex(number), 12, '0'))::uuid
;
create temporary table plan as
select n, pg_temp.key('8004', n) as id, r, pg_temp.key('8001', n % :operators + 1) as writer, null::uuid as holder,
       case when r in (1, 2, 3, 6, 15, 16) or r between 20 and 22 or (r = 4 and n / 1000 % 2 = 0) then 'assigned'
            when r in (4, 8) or r between 30 and 79 then 'waiting_assignment'
            when r in (5, 7, 9, 12, 13, 14) or r between 80 and 499 then 'waiting_real_user_reply'
            else 'completed' end as state,
       -- Whether the user spoke last; in 7 and 8 the state tells another story (CHAT006, CHAT007), 16 has no message (QUEUE001).
       r in (1, 2, 3, 4, 6, 7, 11, 15, 20, 21, 22) or r between 30 and 79 as by_user,
       now() - interval '2 minutes' - n * interval '7 seconds' as last_at
  from (select n, n % 1000 as r from generate_series(1, :chats) as n) as number
;
update plan p
   set holder = pg_temp.key('8001', held.place)
  from (select n, row_number() over (order by n) as place from plan where state = 'assigned') as held
 where held.n = p.n
;
-- CHAT001: its operator has the neighbouring chat, too.
update plan p set holder = o.holder from plan o where p.r = 1 and o.n = p.n + 1
;
insert into operators (id, name, email, is_active, is_available, last_activity, total_messages)
select pg_temp.key('8001', n), 'operator ' || n, n || '@example.org', true, true, now(), 0 from generate_series(1, :operators) as n
;
insert into real_users (id, name) select pg_temp.key('8002', n), 'user ' || n from plan
;
insert into fictional_users (id, name) select pg_temp.key('8003', n), 'profile ' || n from generate_series(1, 1000) as n
;
insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active, created_at, updated_at, last_message_at,
                   message_count, assigned_operator_id, assignment_time, last_operator_id, operator_replied_at)
select id, pg_temp.key('8002', n), pg_temp.key('8003', n % 1000 + 1), state, state <> 'completed', last_at - interval '1 day',
       last_at, last_at, case when r = 16 then 0 else 10 end, holder, case when holder is not null then now() end,
       case when r <> 16 then writer end, case when r <> 16 then last_at - case when by_user then '2 minutes' else '0' end::interval end
  from plan
;
-- Ten messages of each chat, message by message over all chats as they came: those of one chat lie far apart.
insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at)
select p.id, case when who.by_user then 'real' else 'fictional' end, 'Message ' || k || ' of a chat that goes on for a while',
       case when not who.by_user then p.writer end, p.last_at - (10 - k) * interval '2 minutes'
  from generate_series(1, 10) as k
 cross join plan p
 cross join lateral (select ((10 - k) % 2 = 0) = p.by_user as by_user) as who
 where p.r <> 16
;
-- Two of the replies ended an assignment of their own.
insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason)
select p.id, p.writer, ended.at - interval '1 minute', ended.at, 'operator_sent_message'
  from plan p
 cross join generate_series(0, 1) as k
 cross join lateral (
   select p.last_at - case when p.by_user then '2 minutes' else '0' end::interval - k * interval '8 minutes' as at
 ) as ended
 where p.r <> 16
;
insert into chat_assignments (chat_id, operator_id, assigned_at) select id, holder, now() from plan where holder is not null and r <> 6
;
insert into operator_activity (chat_id, operator_id, last_activity) select id, holder, now() from plan where holder is not null
;
update operators o
   set total_messages = w.messages
  from (select handled_by_operator_id as id, count(*) as messages from messages
         where handled_by_operator_id is not null group by 1) as w
 where w.id = o.id
;
-- part: plant
-- CHAT002
insert into chat_assignments (chat_id, operator_id, assigned_at) select id, writer, now() - interval '1 hour' from plan where r = 3
;
-- CHAT003
update chats set chat_state = case when assigned_operator_id is not null then 'waiting_assignment' end
 where id in (select id from plan where r = 4)
;
-- CHAT004
update chat_assignments a set released_at = null, release_reason = null
  from plan p where p.r = 5 and a.chat_id = p.id and a.released_at = p.last_at
;
-- CHAT008
insert into operator_activity (chat_id, operator_id, last_activity) select id, writer, last_at from plan where r = 9
;
-- CHAT011
update chats set is_active = not is_active where id in (select id from plan where r = 10)
;
-- CHAT012
insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason)
select id, writer, last_at - interval '90 seconds', last_at - interval '1 minute', 'idle_timeout' from plan where r = 11
;
-- CHAT014
update chats set last_operator_id = null where id in (select id from plan where r = 12)
;
-- DATA001
update chats set message_count = message_count + 3 where id in (select id from plan where r = 13)
;
update operators set total_messages = total_messages - 7
 where id in (select pg_temp.key('8001', n * 1000) from generate_series(1, :operators / 1000) as n)
;
-- DATA002
update chats set last_message_at = now() + interval '2 hours' where id in (select id from plan where r = 14)
;
update chat_assignments a set assigned_at = a.released_at + interval '1 minute'
  from plan p where p.r = 14 and p.n / 1000 % 2 = 0 and a.chat_id = p.id and a.released_at = p.last_at
;
-- OPER001
update operators set is_active = false where id in (select holder from plan where r = 15)
;
-- CONF001
update platform_config set value = '"3"' where key = 'max_reassignments'
;
-- One chat with very many messages, of which none was counted; it waits for its user, who spoke last.
insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at)
select p.id, case when (:longest - k) % 2 = 0 then 'real' else 'fictional' end, 'and on',
       case when (:longest - k) % 2 <> 0 then p.writer end,
       p.last_at + k * interval '1 millisecond'
  from plan p
 cross join generate_series(1, :longest) as k
 where p.n = 7
;
-- part: wake
-- Everybody who holds a chat was there a moment ago, save the operators who are inactive.
update operators set last_activity = now() where is_active
;
update chats set assignment_time = now() where assigned_operator_id is not null
