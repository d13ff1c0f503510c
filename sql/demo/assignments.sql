-- Fills chat_assignments, one for each time that somebody had a chat, and the heartbeats of those who have one now.
insert into chat_assignments (id, chat_id, operator_id, assigned_at, released_at, release_reason, created_at)
select pg_temp.made_id('assignment ' || s.seed || ' ' || t.number || ' ' || t.turn || ' ' || a.kind),
       c.id, o.id,
       s.now - make_interval(secs => a.from_age),
       s.now - make_interval(secs => a.to_age),
       case when a.to_age is not null then case a.kind when 1 then 'idle_timeout' else 'operator_sent_message' end end,
       s.now - make_interval(secs => a.from_age)
  from demo_setting as s
 cross join demo_turn as t
  join demo_chat as c on c.number = t.number
 cross join lateral (values (1, t.missed_team, s.shift, t.taken_age + 340, t.taken_age + 2),
                            (2, t.team::bigint, t.place, t.taken_age, t.answered_age - 0.06)) as a (kind, team, place, from_age, to_age)
  join demo_operator as o on o.team = a.team and o.place = a.place
 where t.taken_age is not null;

insert into operator_activity (id, chat_id, operator_id, last_activity, updated_at)
select pg_temp.made_id('activity ' || s.seed || ' ' || c.number), c.id, o.id,
       s.now - make_interval(secs => 2 + 20 * pg_temp.dice(s.seed, o.number, 21)),
       s.now - make_interval(secs => 2 + 20 * pg_temp.dice(s.seed, o.number, 21))
  from demo_setting as s
 cross join demo_chat as c
  join demo_turn as t on t.number = c.number and t.turn = 0
  join demo_operator as o on o.team = t.team and o.place = t.place
 where c.chat_state = 'assigned';
