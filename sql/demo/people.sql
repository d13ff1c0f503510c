-- Fills operators, users, profiles and the configuration from the demo's plot.

insert into operators (id, name, email, is_active, is_available, last_activity, total_messages, created_at)
select o.id, o.first_name || ' ' || o.last_name,
       lower(translate(o.first_name || '.' || o.last_name, U&'\0107\0159\00E1\00F6\00FC ', 'craou')) || '@operators.example',
       o.part <> 'left',
       o.part in ('busy', 'free'),
       s.now - make_interval(secs => case
         when o.part = 'busy' then 5 + 25 * pg_temp.dice(s.seed, o.number, 10)
         when o.part = 'on a break' then 240 + 60 * pg_temp.dice(s.seed, o.number, 10)
         else coalesce(w.last_age, 20 * 86400.0) end),
       coalesce(w.replies, 0),
       s.now - make_interval(secs => s.oldest + 86400.0 * (5 + o.number % 30))
  from (select *, (select max(began_age) from demo_turn) as oldest from demo_setting) as s
 cross join demo_operator as o
  left join (
    select team, place, min(answered_age) as last_age, count(answered_age) as replies
      from demo_turn where taken_age is not null group by team, place
  ) as w on w.team = o.team and w.place = o.place
 order by o.number;

insert into real_users (id, name, created_at)
select pg_temp.made_id('user ' || s.seed || ' ' || n),
       (array['quiet','early','lucky','sunny','rainy','brave','shy','bright','calm','merry','late','silver','green','amber'])
         [1 + floor(14 * pg_temp.dice(s.seed, n, 11))::integer]
         || (array['fox','robin','river','tulip','otter','cloud','maple','badger','comet','harbour','willow','sparrow'])
         [1 + floor(12 * pg_temp.dice(s.seed, n, 12))::integer] || '-' || n,
       s.now - make_interval(secs => s.oldest + 86400.0 * 2)
  from (select *, (select max(began_age) from demo_turn) as oldest from demo_setting) as s
 cross join generate_series(1, s.users) as n;

insert into fictional_users (id, name, created_at)
select pg_temp.made_id('profile ' || s.seed || ' ' || n),
       (array['Luna','Mia','Nora','Stella','Aria','Ruby','Ivy','Hazel','Violet','Iris','Jade','Pearl','Daisy','Flora','Opal','Sky',
              'Marlon','Theo','Oscar','Milo','Ezra','Silas','Jasper','Finn','Rufus','Arlo'])[1 + (n - 1) % 26]
         || case when n > 26 then ' ' || chr((64 + n / 26)) || '.' else '' end,
       s.now - make_interval(secs => s.oldest + 86400.0 * 3)
  from (select *, (select max(began_age) from demo_turn) as oldest from demo_setting) as s
 cross join generate_series(1, s.profiles) as n;

insert into platform_config (key, value)
values ('max_reassignments', '3'), ('idle_timeout_minutes', '5')
on conflict (key) do update set value = excluded.value
  where jsonb_typeof(platform_config.value) <> 'number';
