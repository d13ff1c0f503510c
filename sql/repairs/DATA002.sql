-- Sets clocks that are ahead to now, clocks from before the year 1 to 1970, and lets no assignment end before it began.
--
-- order: 160
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.

select a.chat_id, a.operator_id, 'heartbeat' as clock, null::uuid as id
  from operator_activity a
 where a.last_activity not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
union all
select null, o.id, 'operator', null
  from operators o
 where o.last_activity not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
union all
select c.id, null, 'chat', null
  from chats c
 where c.assignment_time not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
    or c.operator_replied_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
    or c.last_message_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
    or least(c.created_at, c.updated_at) < '0001-01-02'
    or greatest(c.created_at, c.updated_at) > '9999-12-31'
union all
select s.chat_id, s.operator_id, 'assignment', s.id
  from chat_assignments s
 where s.released_at < s.assigned_at
    or s.assigned_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
    or s.released_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
;

with found as materialized (
  select * from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid, operator_id uuid, clock text, id uuid)
), heartbeat as materialized (
  select a.chat_id, a.operator_id, a.last_activity
    from found f
    join operator_activity a on a.chat_id = f.chat_id and a.operator_id = f.operator_id
   where f.clock = 'heartbeat' and a.last_activity not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
     for no key update of a skip locked
), operator as materialized (
  select o.id, o.last_activity
    from found f
    join operators o on o.id = f.operator_id
   where f.clock = 'operator' and o.last_activity not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
     for no key update of o skip locked
), chat as materialized (
  select c.id, c.assigned_operator_id, c.assignment_time, c.operator_replied_at, c.last_message_at,
         c.created_at, c.updated_at
    from found f
    join chats c on c.id = f.chat_id
   where f.clock = 'chat'
     and (c.assignment_time not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
          or c.operator_replied_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
          or c.last_message_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
          or least(c.created_at, c.updated_at) < '0001-01-02'
          or greatest(c.created_at, c.updated_at) > '9999-12-31')
     for no key update of c skip locked
), assignment as materialized (
  select s.id, s.chat_id, s.operator_id, s.assigned_at, s.released_at
    from found f
    join chat_assignments s on s.id = f.id
   where f.clock = 'assignment'
     and (s.released_at < s.assigned_at
          or s.assigned_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
          or s.released_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute')
     for no key update of s skip locked
), changed_heartbeat as (
  update operator_activity a set last_activity = case when a.last_activity is not null
          then least(greatest(a.last_activity, '1970-01-01'), pg_catalog.now()) end
    from heartbeat h where a.chat_id = h.chat_id and a.operator_id = h.operator_id
  returning a.chat_id, a.operator_id, h.last_activity as was, a.last_activity
), changed_operator as (
  update operators o set last_activity = case when o.last_activity is not null
          then least(greatest(o.last_activity, '1970-01-01'), pg_catalog.now()) end
    from operator h where o.id = h.id
  returning o.id, h.last_activity as was, o.last_activity
), changed_chat as (
  update chats c
     set assignment_time = case when c.assignment_time is not null
             then least(greatest(c.assignment_time, '1970-01-01'), pg_catalog.now()) end,
         operator_replied_at = case when c.operator_replied_at is not null
                 then least(greatest(c.operator_replied_at, '1970-01-01'), pg_catalog.now()) end,
         last_message_at = case when c.last_message_at is not null
                 then least(greatest(c.last_message_at, '1970-01-01'), pg_catalog.now()) end,
         -- Only what no client can read: these order lists, and may be anybody's.
         created_at = case when c.created_at not between '0001-01-02' and '9999-12-31'
                           then least(greatest(c.created_at, '1970-01-01'), pg_catalog.now()) else c.created_at end,
         updated_at = case when c.updated_at not between '0001-01-02' and '9999-12-31'
                           then least(greatest(c.updated_at, '1970-01-01'), pg_catalog.now()) else c.updated_at end
    from chat h where c.id = h.id
  returning c.id, c.assigned_operator_id, h.assignment_time as was_assignment_time, h.operator_replied_at as was_replied_at,
            h.last_message_at as was_last_message_at, h.created_at as was_created_at, h.updated_at as was_updated_at,
            c.assignment_time, c.operator_replied_at, c.last_message_at, c.created_at, c.updated_at
), changed_assignment as (
  update chat_assignments s
     set assigned_at = case when s.assigned_at is not null then least(greatest(s.assigned_at, '1970-01-01'), pg_catalog.now()) end,
         released_at = case when s.released_at is not null
                            then least(greatest(s.released_at, s.assigned_at, '1970-01-01'), pg_catalog.now()) end
    from assignment h where s.id = h.id
  returning s.id, s.chat_id, s.operator_id, h.assigned_at as was_assigned_at, h.released_at as was_released_at,
            s.assigned_at, s.released_at
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'DATA002', n.chat_id, n.operator_id, 'operator_activity',
         pg_catalog.jsonb_build_object('last_activity', n.was), pg_catalog.jsonb_build_object('last_activity', n.last_activity)
    from changed_heartbeat n
  union all
  select 'repair', 'DATA002', null::uuid, n.id, 'operators',
         pg_catalog.jsonb_build_object('last_activity', n.was), pg_catalog.jsonb_build_object('last_activity', n.last_activity)
    from changed_operator n
  union all
  select 'repair', 'DATA002', n.id, n.assigned_operator_id, null::text,
         pg_catalog.jsonb_build_object('assignment_time', n.was_assignment_time, 'operator_replied_at', n.was_replied_at,
                            'last_message_at', n.was_last_message_at, 'created_at', n.was_created_at, 'updated_at', n.was_updated_at),
         pg_catalog.jsonb_build_object('assignment_time', n.assignment_time, 'operator_replied_at', n.operator_replied_at,
                            'last_message_at', n.last_message_at, 'created_at', n.created_at, 'updated_at', n.updated_at)
    from changed_chat n
  union all
  select 'repair', 'DATA002', n.chat_id, n.operator_id, 'chat_assignments '::text || n.id::text,
         pg_catalog.jsonb_build_object('assigned_at', n.was_assigned_at, 'released_at', n.was_released_at),
         pg_catalog.jsonb_build_object('assigned_at', n.assigned_at, 'released_at', n.released_at)
    from changed_assignment n
)
-- By its own snapshot: what is still wrong in it and was not changed is busy.
select pg_catalog.jsonb_build_object(
         'mended', (select pg_catalog.count(*) from changed_heartbeat) + (select pg_catalog.count(*) from changed_operator)
                   + (select pg_catalog.count(*) from changed_chat) + (select pg_catalog.count(*) from changed_assignment),
         'busy', (
           select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(f)), '[]')
             from found f
            where case f.clock
                    when 'heartbeat' then exists (select from operator_activity a
                                                   where a.chat_id = f.chat_id and a.operator_id = f.operator_id
                                                     and a.last_activity not between '0001-01-02' and pg_catalog.now() + interval '1 minute')
                                          and not exists (select from heartbeat h
                                                           where h.chat_id = f.chat_id and h.operator_id = f.operator_id)
                    when 'operator' then exists (select from operators o where o.id = f.operator_id
                                                    and o.last_activity not between '0001-01-02' and pg_catalog.now() + interval '1 minute')
                                         and not exists (select from operator h where h.id = f.operator_id)
                    when 'chat' then exists (select from chats c where c.id = f.chat_id
                                                and (c.assignment_time not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
                                                     or c.operator_replied_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
                                                     or c.last_message_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
                                                     or least(c.created_at, c.updated_at) < '0001-01-02'
                                                     or greatest(c.created_at, c.updated_at) > '9999-12-31'))
                                     and not exists (select from chat h where h.id = f.chat_id)
                    else exists (select from chat_assignments s where s.id = f.id
                                    and (s.released_at < s.assigned_at
                                         or s.assigned_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
                                         or s.released_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'))
                         and not exists (select from assignment h where h.id = f.id)
                  end));
