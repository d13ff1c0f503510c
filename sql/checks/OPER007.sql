-- Do most operators who hold a chat get no next one, because they were switched off together or because nobody is available?
-- code: OPER007
-- title: {count} operators who hold a chat, or held one until just now, get no next one; {able} of {staff} operators are available
-- title-one: 1 operator who holds a chat, or held one until just now, gets no next one; {able} of {staff} operators are available
-- narrow: {count} who work get no next chat
-- narrow-one: 1 who works gets no next chat
-- severity: warning
-- critical: users wait and not one operator is available
-- advice: operators were deactivated together while they held chats, and others are available
-- group: now
-- expected: of the operators who hold a chat most may take the next one, and somebody is available
-- why: a statement switched them off all at once, or everybody leaves at the same time: who is not available finishes the chat and is given none
-- consequence: as they finish, nobody takes the next chat, and the queue stands still
-- help-sql: {remedy}
-- help-text: a person decides: `log --limit 5` may say who switched them off. The statement makes those available who hold a chat now, or active again who were deactivated with one; who was away before it is not told, and comes back in the application. What they gave back: `reassign --where QUEUE004 --to auto --dry-run`
-- dated: no
-- says: nobody answers; users wait too long
-- reads: operators, chats, messages, chat_assignments
-- needs: chat_queue
-- unplanted: it takes the free operators away, of whom other examples tell
-- What one statement wrote has one xmin: then many were switched off together, though others are available. As a text, by ts_stat,
-- because a cluster's tables have none: its node is asked. A heartbeat changes it; that nobody is available is seen without it.
\set told_by_shards `cat sql/queries/shared/told_by_shards.sql`
with asked (text) as (
  select 'select json_agg(f) from (select o.xmin::text as by_transaction,'
         ' count(*) filter (where h.so and (o.is_active and o.is_available) is not true) as held,'
         ' coalesce(bool_or(o.is_active and o.is_available), false) as some_are_on from %2$s as o'
         ' cross join lateral (select exists (select 1 from %1$s as c'
         ' where c.assigned_operator_id = o.id and c.chat_state::text = ''assigned'' and c.is_active) as so) as h group by 1) as f'
), told as materialized (:told_by_shards), holders as materialized (
  select c.assigned_operator_id as operator_id, (pg_catalog.array_agg(c.id order by c.assignment_time, c.id))[1] as chat_id
    from chats c
   where c.chat_state::text = 'assigned' and c.is_active and c.assigned_operator_id is not null
   group by c.assigned_operator_id
), staff as materialized (
  select o.id as operator_id, o.name as operator, h.chat_id, coalesce(o.is_active, false) as is_active,
         coalesce(o.is_active and o.is_available, false) as takes_next
    from operators o
    left join holders h on h.operator_id = o.id
), crew as materialized (
  select pg_catalog.count(*) filter (where s.takes_next) as able,
         pg_catalog.count(*) filter (where s.is_active) as active,
         pg_catalog.count(*) filter (where s.chat_id is not null) as holders,
         pg_catalog.count(*) filter (where s.chat_id is not null and not s.takes_next) as off
    from staff s
), written as materialized (
  select pg_catalog.split_part(w.word, ' ', 1) as by_transaction,
         coalesce(pg_catalog.sum(w.ndoc) filter (where pg_catalog.split_part(w.word, ' ', 2) = 'held'), 0)::numeric as held,
         pg_catalog.bool_or(pg_catalog.split_part(w.word, ' ', 2) = 'on') as some_are_on
    from pg_catalog.ts_stat(
      case when exists (select 1 from told) or (select crew.off < 3::bigint from crew)
           then 'select null::tsvector where false'
           else 'select pg_catalog.array_to_tsvector(array[o.xmin::text || case when o.is_active and o.is_available then '' on'''
                ' when exists (select 1 from chats c where c.assigned_operator_id = o.id and c.chat_state::text = ''assigned'' and c.is_active)'
                ' then '' held'' else '' off'' end]) from operators o'
           end) as w
   group by pg_catalog.split_part(w.word, ' ', 1)
  union all
  select f.by_transaction, f.held, f.some_are_on
    from told
   cross join lateral xmltable('/table/row' passing told.found columns result text path 'result') as n
   cross join lateral pg_catalog.json_to_recordset(n.result::json) as f (by_transaction text, held numeric, some_are_on boolean)
), thrown_back as materialized (
  -- Whose chats wait since their operator was deactivated, and nobody took them since.
  select o.id as operator_id, o.name as operator, q.chat_id,
         pg_catalog.count(*) over (order by ended.released_at range between interval '10 seconds' preceding and interval '10 seconds' following) > 1::bigint as together,
         pg_catalog.array_agg(o.id) over () as all_of_them
    from chat_queue q
    join operators o on o.id = q.last_operator_id and o.is_active is not true
   cross join lateral (
     select a.operator_id, a.released_at, a.release_reason from chat_assignments a
      where a.chat_id = q.chat_id
      order by a.released_at desc nulls first limit 1) as ended
   where ended.operator_id = o.id and ended.release_reason::text = 'operator_deactivated' and ended.released_at > now() - interval '1 hour'
)
select found.*
  from (
select s.operator_id, s.operator, s.chat_id, s.is_active,
       crew.able, case when crew.active > 0::bigint then crew.active else crew.holders end as staff,
       case when crew.active = 0::bigint
            then 'update operators set is_active = true, is_available = true where id in '
            else 'update operators set is_available = true where is_active and is_available is not true and id in ' end
       || '(select assigned_operator_id from chats where chat_state = ''assigned'' and is_active);' as remedy,
       case when together.so then 'one statement switched them off, all at once' end as because,
       crew.able = 0::bigint as felt,
       crew.able = 0::bigint and exists (select 1 from chat_queue) as critical, false as advice
  from staff s
 cross join crew
 cross join lateral (
   select exists (select 1 from written w where w.held >= 3::numeric and not w.some_are_on and w.held * 2::numeric > crew.holders::numeric) as so
 ) as together
 where s.chat_id is not null
   and not s.takes_next
   and crew.off >= 2::bigint
   and crew.off * 2::bigint > crew.holders
   and (crew.able = 0::bigint or together.so)
    union all
    select t.operator_id, t.operator, t.chat_id, false, crew.able, case when crew.active > 0::bigint then crew.active else crew.holders end,
           pg_catalog.format('update operators set is_active = true, is_available = true where is_active is not true and id = any(%L);', t.all_of_them),
           'they were deactivated while they held a chat, which went back into the queue', crew.able = 0::bigint, crew.able = 0::bigint, crew.able > 0::bigint
      from thrown_back t
     cross join crew
     where t.together or crew.able = 0::bigint
  ) as found
 order by found.critical desc, found.advice, found.operator_id
