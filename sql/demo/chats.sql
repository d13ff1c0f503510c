-- Fills chats from the demo's plot: state, holder, last operator and counters as the turns of each chat left them.
with told as materialized (
  select number,
         max(began_age) as first_age,
         min(coalesce(answered_age, second_age, began_age)) as spoke_age,
         count(*) + count(second_age) + count(answered_age) as messages,
         min(answered_age) as answered_age,
         min(turn) filter (where answered_age is not null) as answered_turn,
         min(taken_age) filter (where taken_age is not null and answered_age is null) as held_age
    from demo_turn group by number
)
insert into chats (id, real_user_id, fictional_user_id, chat_state, assigned_operator_id, assignment_time, last_operator_id,
                   operator_replied_at, last_message_at, message_count, is_active, created_at, updated_at)
select c.id,
       pg_temp.made_id('user ' || s.seed || ' ' || 1 + c.number % s.users),
       pg_temp.made_id('profile ' || s.seed || ' '
                       || 1 + (floor(s.profiles * pg_temp.dice(s.seed, c.number % s.users, 13))::integer + c.number / s.users) % s.profiles),
       c.chat_state,
       holder.id,
       s.now - make_interval(secs => t.held_age),
       writer.id,
       s.now - make_interval(secs => t.answered_age),
       s.now - make_interval(secs => t.spoke_age),
       coalesce(t.messages, 0),
       c.chat_state <> 'completed',
       s.now - make_interval(secs => coalesce(t.first_age, 600 + 9000 * pg_temp.dice(s.seed, c.number, 14)) + 20
                                     + 600 * pg_temp.dice(s.seed, c.number, 15)),
       s.now - make_interval(secs => case when c.chat_state = 'completed' then t.spoke_age * (0.2 + 0.7 * pg_temp.dice(s.seed, c.number, 16))
                                          else coalesce(least(t.spoke_age, t.held_age), 600) end)
  from demo_setting as s
 cross join demo_chat as c
  left join told as t on t.number = c.number
  left join demo_turn as held on held.number = c.number and held.turn = 0 and c.chat_state = 'assigned'
  left join demo_operator as holder on holder.team = held.team and holder.place = held.place
  left join demo_turn as answered on answered.number = c.number and answered.turn = t.answered_turn
  left join demo_operator as writer on writer.team = answered.team and writer.place = answered.place
 order by c.number desc;
