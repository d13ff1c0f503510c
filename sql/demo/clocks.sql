-- Fills the queue's clocks (018) of chats and assignments from the demo's plot, as the triggers would have kept them.
update chats as c
   set waiting_since = s.now - make_interval(secs => t.began_age),
       state_since = s.now - make_interval(secs => coalesce(t.taken_age, t.began_age))
  from demo_setting as s
 cross join demo_chat as d
  join demo_turn as t on t.number = d.number and t.turn = 0
 where d.chat_state in ('waiting_assignment', 'assigned')
   and c.id = d.id;

update chat_assignments as a
   set waiting_since = s.now - make_interval(secs => t.began_age),
       queued_since = s.now - make_interval(secs => case when t.missed_team is null or k.kind = 1 then t.began_age
                                                         else t.taken_age + 2 end)
  from demo_setting as s
 cross join demo_turn as t
 cross join generate_series(1, 2) as k (kind)
 where a.id = pg_temp.made_id('assignment ' || s.seed || ' ' || t.number || ' ' || t.turn || ' ' || k.kind);
