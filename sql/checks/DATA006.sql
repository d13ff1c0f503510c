-- Which times of people and turns can no client read?
-- code: DATA006
-- title: {count} times of people and turns can be read by no client
-- title-one: 1 time of people and turns can be read by no client
-- severity: warning
-- group: data
-- expected: whoever began, and whatever a turn remembers, has a time of this calendar, from year 1 to 9999
-- why: a restore or an import wrote infinity or a year out of reach, past the guards
-- consequence: pages that sort or show it fail; a wait that began there is infinite in the figures
-- help-sql: {remedy}
-- says: stats seem wrong
-- reads: operators, real_users, fictional_users, chat_assignments
-- Heartbeats, messages, chats and the ends of turns are DATA002. A column that a table may do without is null where it is absent:
-- unqualified, its name is then that of the row of nulls in front.
with found as materialized (
  select * from (
    select 'operators.created_at' as object, p.id, null::uuid as chat_id, p.id as operator_id, p.created_at as at, 'now()' as instead
      from (values (null::timestamptz)) as absent (created_at)
     cross join lateral (select o.id, created_at from operators o) as p
    union all
    select 'real_users.created_at', p.id, null, null, p.created_at, 'now()'
      from (values (null::timestamptz)) as absent (created_at)
     cross join lateral (select u.id, created_at from real_users u) as p
    union all
    select 'fictional_users.created_at', p.id, null, null, p.created_at, 'now()'
      from (values (null::timestamptz)) as absent (created_at)
     cross join lateral (select f.id, created_at from fictional_users f) as p
    union all
    select 'chat_assignments.' || told.name, s.id, s.chat_id, s.operator_id, told.at, 'null'
      from (values (null::timestamptz, null::timestamptz, null::timestamptz)) as absent (waiting_since, queued_since, announced_at)
     cross join lateral (
       select a.id, a.chat_id, a.operator_id, waiting_since, queued_since, announced_at from chat_assignments a
        where waiting_since not between '0001-01-02' and '9999-12-31'
           or queued_since not between '0001-01-02' and '9999-12-31'
           or announced_at not between '0001-01-02' and '9999-12-31'
     ) as s
     cross join lateral (
       values ('waiting_since', s.waiting_since), ('queued_since', s.queued_since), ('announced_at', s.announced_at)
     ) as told (name, at)
  ) as written
   where written.at not between '0001-01-02' and '9999-12-31'
)
select f.object, f.id, f.chat_id, f.operator_id, f.at::text as at, mending.remedy,
       case when f.object like 'chat_assignments.%' then 'a wait that began there is infinite in the figures' else 'pages that sort or show it fail' end as so
  from found f
 cross join (
   select pg_catalog.string_agg(pg_catalog.format('update %I set %I = %s where %2$I not between ''0001-01-02'' and ''9999-12-31'';',
            pg_catalog.split_part(w.object, '.', 1), pg_catalog.split_part(w.object, '.', 2), w.instead), ' ' order by w.object) as remedy
     from (select distinct object, instead from found) as w
 ) as mending
 order by f.object, f.id
