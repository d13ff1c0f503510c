-- The demo's plot: how many people and chats there are, and what happened in each chat, as ages in seconds before now.
--
-- Run after a temporary table demo_given (seed, size, rich). Time runs backwards along a line of positions: chat p of the
-- past had its latest turn at position p, the turn before at p + reach, and so on; position q is lull + pace q +
-- past (q / size) ^ 2 seconds old.
-- Taken chats began to wait in the order in which they were taken, and nobody worked on two chats at once. The same
-- seed gives the same people, ids, words and ages; only `now` differs.
--
-- The last two digits of a chat's id are its position in base 16, and the newest 256 chats of the past wait for their
-- user: sql/plants takes its victims by those digits, so that no two plants meet.

create or replace function pg_temp.dice(p_seed bigint, p_key bigint, p_salt integer) returns double precision
language sql immutable parallel safe
return (hashint8extended(p_key, p_seed * 1009 + p_salt) & 2147483647) / 2147483648.0::double precision;

create or replace function pg_temp.made_id(p_text text) returns uuid
language sql immutable parallel safe
return overlay(overlay(md5(p_text) placing '4' from 13) placing '8' from 17)::uuid;

create temporary table demo_setting as
select g.seed, g.size, g.rich, now() as now,
       g.shift,                                           -- operators of one shift; odd, so that turns go round all of them
       round(g.shift * 0.62)::integer as busy,
       greatest(2, round(g.shift * 0.22))::integer as free,
       22 + least(g.size / 550, 20) + g.size / 20000 as waiting,
       2 + least(g.size / 1000, 40) as empty,
       greatest(1, g.size * 7 / 10) as users,
       30 + g.size / 2000 as profiles,
       g.shift * 16 as reach,                             -- positions between two turns of one chat
       470.0 / g.shift as pace,                           -- seconds between positions
       120 * 86400.0 * least(1, g.size / 5000.0) ^ 2 as past,  -- seconds that the oldest chat is older than the pace makes it
       400.0 as lull,                                     -- seconds before now in which only the chats of the moment move
       3 * 3600.0 as shift_began
  from (select *, 13 + size / 50000 * 2 as shift from demo_given) as g;

-- How long the queue was when somebody was taken from it so long ago: it has been growing for the last hour.
create or replace function pg_temp.demo_wait(p_age double precision) returns double precision
language sql immutable parallel safe
return 50 + 170 / (1 + (p_age / 2400) ^ 2) + 12 * sin(p_age / 7000);

-- Three shifts, of which the first is on now; one trainee in each, who lets chats go idle; and people who have left.
create temporary table demo_operator as
select o.number, pg_temp.made_id('operator ' || s.seed || ' ' || o.number) as id, o.team, o.place, o.part,
       (array['Ana','Ben','Chiara','Dmitri','Elif','Farid','Greta','Hugo','Ines','Jonas','Keiko','Lars','Mara','Nils','Olga',
              'Pavel','Quinn','Rosa','Stefan','Tess','Umar','Vera','Wim','Xenia','Yusuf','Zoe','Aylin','Bruno','Clara','Dario',
              'Emma','Felix','Gina','Hanno','Ida','Jan','Kira','Leo','Mila','Noor'])[1 + (o.number - 1 + s.seed % 40) % 40] as first_name,
       (array['Adler','Baumann','Costa','Dietz',U&'Ekstr\00F6m','Fischer','Graf','Hansen',U&'Ili\0107','Jansen','Keller','Lorenz','Meyer',
              'Novak','Okafor','Petersen','Quast','Romano','Schulz','Toth','Ulrich','Vogel','Weber','Yilmaz','Zimmer','Arnold',
              'Becker','Conrad',U&'Dvo\0159\00E1k','Engel','Falk','Gomez','Haas','Iversen','Jung',U&'Kr\00FCger','Lindt'])
             [1 + (o.number * 5 + o.number / 40 * 7 + s.seed % 37) % 37] as last_name
  from demo_setting as s
 cross join lateral (
   select row_number() over (order by team, place) as number, *
     from (select team, place,
                  case when place = s.shift then 'trainee'
                       when team > 0 then 'off shift'
                       when place < s.busy then 'busy'
                       when place < s.busy + s.free then 'free'
                       else 'on a break' end as part
             from generate_series(0, 2) as team cross join generate_series(0, s.shift) as place
           union all
           select 3, place, 'left' from generate_series(0, 5) as place) as everybody
 ) as o;
create unique index on demo_operator (team, place);
analyze demo_operator;

-- One row for each chat: those of the moment first (position 0 and below), then the past from new to old.
create temporary table demo_chat as
select c.number, c.position, c.part,
       (overlay(pg_temp.made_id('chat ' || s.seed || ' ' || c.number)::text
                placing lpad(to_hex(c.position & 255), 2, '0') from 35))::uuid as id,
       case when c.part = 'past' then case when s.rich then 1 + floor(4 * pg_temp.dice(s.seed, c.number, 1) ^ 2)::integer else 1 end
            when c.part = 'empty' then 0
            else floor(4 * pg_temp.dice(s.seed, c.number, 1) ^ 2)::integer end as past_turns,
       case c.part
         when 'busy' then 'assigned'
         when 'free' then 'waiting_real_user_reply'
         when 'waiting' then 'waiting_assignment'
         when 'empty' then 'waiting_assignment'
         else case when c.position > 256
                    and pg_temp.dice(s.seed, c.number, 2) < 0.1 + 0.5 * least(1, 4 * (c.position / s.size::float8) ^ 2)
                   then 'completed' else 'waiting_real_user_reply' end
       end as chat_state
  from demo_setting as s
 cross join lateral (
   select n as number, n - (s.busy + s.free + s.waiting + s.empty) as position,
          case when n <= s.busy then 'busy'
               when n <= s.busy + s.free then 'free'
               when n <= s.busy + s.free + s.waiting then 'waiting'
               when n <= s.busy + s.free + s.waiting + s.empty then 'empty'
               else 'past' end as part
     from generate_series(1, s.size) as n
 ) as c;
analyze demo_chat;

-- One row for each turn of a chat, from its newest (0) back: the ages at which the user began to wait, an operator took
-- the chat, and answered. `second_age` is the user's second message, where there was one, `missed_team` the one whose
-- trainee had the chat before and let it go idle. Null `taken_age`: still waiting; null `answered_age`: being worked on.
create temporary table demo_turn as
with placed as (
  select c.number, t.turn,
         -- Four lanes side by side, one for each turn of a chat, so that no two turns fall on one operator's same moment.
         4 * (c.position + t.turn * s.reach) + t.turn as slot,
         s.lull + s.pace * q.position + s.past * (q.position / s.size) ^ 2 as taken_age,
         (s.pace + 2 * s.past * q.position / s.size::float8 ^ 2) * s.shift / 4 as round_seconds
    from demo_setting as s
    join demo_chat as c on c.part <> 'empty'
   cross join lateral generate_series(case when c.part = 'past' then 0 else 1 end,
                                      c.past_turns - case when c.part = 'past' then 1 else 0 end) as t (turn)
   cross join lateral (select c.position + t.turn * s.reach + t.turn / 4.0::float8 as position) as q
), timed as (
  select p.number, p.turn, p.slot,
         p.taken_age,
         p.taken_age - greatest(15, least(270, p.round_seconds * 0.8) * (0.25 + 0.75 * pg_temp.dice(s.seed, p.slot, 3))) as answered_age,
         p.taken_age + pg_temp.demo_wait(p.taken_age)
           + case when s.rich and p.slot % 37 = 0 and p.taken_age > 26 * 3600.0 then 345 else 0 end as began_age,
         -- The shift that was on then: eight hours each, the present one for three hours so far.
         case when p.taken_age < s.shift_began then 0
              else (1 + floor((p.taken_age - s.shift_began) / 28800)::bigint % 3) % 3 end as team,
         p.slot % s.shift as place
    from demo_setting as s cross join placed as p
  union all
  select c.number, 0, -c.number,
         case c.part when 'busy' then 20 + 200.0 * (c.number - 0.5) / s.busy
                     when 'free' then 75 + 3.0 * (c.number - s.busy) end,
         case c.part when 'free' then 2 + 10.0 * pg_temp.dice(s.seed, c.number, 4) end,
         case c.part when 'busy' then 20 + 200.0 * (c.number - 0.5) / s.busy + pg_temp.demo_wait(20 + 200.0 * (c.number - 0.5) / s.busy)
                     when 'free' then 75 + 3.0 * (c.number - s.busy) + pg_temp.demo_wait(75 + 3.0 * (c.number - s.busy))
                     -- Later than all who were taken, and most of them not long ago.
                     else 4 + (pg_temp.demo_wait(20) - 10) * ((c.number - s.busy - s.free - pg_temp.dice(s.seed, c.number, 4)) / s.waiting) ^ 1.5
         end,
         0,
         case when c.part in ('busy', 'free') then c.number - 1 end
    from demo_setting as s join demo_chat as c on c.part in ('busy', 'free', 'waiting')
)
select t.number, t.turn, t.began_age, t.taken_age, t.answered_age,
       case when not s.rich or pg_temp.dice(s.seed, t.slot, 5) < 0.4
            then t.began_age - (t.began_age - coalesce(t.answered_age, 0)) * (0.1 + 0.8 * pg_temp.dice(s.seed, t.slot, 6)) end
         as second_age,
       -- Those who left worked in two places of each shift until forty days ago.
       case when t.taken_age > 40 * 86400.0 and t.place >= s.shift - 2 then 3 else t.team end as team,
       case when t.taken_age > 40 * 86400.0 and t.place >= s.shift - 2 then t.team * 2 + t.place - (s.shift - 2) else t.place end as place,
       case when s.rich and t.slot % 37 = 0 and t.taken_age > 26 * 3600.0 then t.team end as missed_team
  from demo_setting as s cross join timed as t;
analyze demo_turn;
