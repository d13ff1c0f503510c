-- A clock of an operator that is ahead becomes the last that is known of them for sure: their last reply or turn; the clocks of a
-- chat become those of its turn and messages. Never now: who went home would be back, and who waited would wait anew.
-- Where nothing is known: 1970, as clocks from before the year 1. No assignment ends before it began.
-- A message that is over an hour ahead, or has no time, comes after the newest of its chat, when it was there for sure: by when it
-- was delivered or read, by when the chat was written into or began to wait, or was changed; so those who wait keep their order.
-- One from before the year 1 comes right before the oldest. The chat's last message follows.
--
-- order: 7
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.

with moved as materialized (
  select wrong.chat_id, wrong.handled_by_operator_id, wrong.id, wrong.sender_type,
         case when wrong.is_ahead
              then pg_catalog.max(coalesce(greatest(wrong.newest_at, wrong.known_at), wrong.begun_at, pg_catalog.now()))
                     over (partition by wrong.chat_id, wrong.is_ahead order by wrong.created_at, wrong.delivered_at, wrong.id)
                   + least(wrong.place, 500000::double precision) * interval '1 microsecond'
              when not wrong.is_ahead
              then coalesce(least(wrong.oldest_at, wrong.begun_at), wrong.oldest_at, wrong.begun_at, pg_catalog.now())
                   - wrong.back * interval '1 microsecond' end as at
    from (
      select w.*, newest.at as newest_at, oldest.at as oldest_at, case when c.created_at between '0001-01-02' and pg_catalog.now() then c.created_at end as begun_at,
             case when w.is_first and w.sender_type::text = 'real' and says.waits_since > coalesce(newest.at, '-infinity') then says.waits_since
                  when w.is_last and says.written_at > coalesce(newest.at, '-infinity') then says.written_at
                  -- Each of them was written when the message was there, or after it; before that its user did not wait.
                  else greatest(least(case when w.delivered_at between '0001-01-02' and pg_catalog.now() then w.delivered_at end,
                                      case when w.read_at between '0001-01-02' and pg_catalog.now() then w.read_at end,
                                      case when c.updated_at between '0001-01-02' and pg_catalog.now() then c.updated_at end,
                                      case when says.written_at > coalesce(newest.at, '-infinity') then says.written_at end,
                                      case when w.sender_type::text = 'fictional' and says.replied_at > coalesce(newest.at, '-infinity') then says.replied_at end),
                                case when w.sender_type::text = 'real' and says.waits_since > coalesce(newest.at, '-infinity') then says.waits_since end) end as known_at
        from (
          select m.id, m.chat_id, m.handled_by_operator_id, m.sender_type, m.created_at, m.delivered_at, m.read_at, odd.is_ahead,
                 -- Among all, for two chats may know nothing else that tells which one began to wait first.
                 (pg_catalog.row_number() over (partition by odd.is_ahead order by m.created_at, m.delivered_at, m.id))::double precision as place,
                 (pg_catalog.row_number() over (partition by m.chat_id, odd.is_ahead order by m.created_at desc, m.id desc))::double precision as back,
                 pg_catalog.row_number() over (partition by m.chat_id, odd.is_ahead order by m.created_at, m.delivered_at, m.id) = 1::bigint as is_first,
                 pg_catalog.row_number() over (partition by m.chat_id, odd.is_ahead order by m.created_at desc, m.delivered_at desc, m.id desc) = 1::bigint as is_last
            from messages m
           cross join lateral (select case when m.created_at not between '0001-01-02' and pg_catalog.now() + interval '1 hour'
                                           then m.created_at > pg_catalog.now()
                                           -- Without a time it comes last.
                                           when m.created_at is null then true end as is_ahead) as odd
           where m.created_at is null or m.created_at not between '0001-01-02' and pg_catalog.now() + interval '1 hour'
              or m.delivered_at not between '0001-01-02' and '9999-12-31'
              or m.read_at not between '0001-01-02' and '9999-12-31'
        ) as w
        left join chats c on c.id = w.chat_id
       cross join lateral (
         select case when c.last_message_at between '0001-01-02' and pg_catalog.now() then c.last_message_at end as written_at,
                case when c.operator_replied_at between '0001-01-02' and pg_catalog.now() then c.operator_replied_at end as replied_at,
                case when (pg_catalog.to_jsonb(c) ->> 'waiting_since'::text)::timestamptz between '0001-01-02' and pg_catalog.now()
                     then (pg_catalog.to_jsonb(c) ->> 'waiting_since'::text)::timestamptz end as waits_since) as says
        left join lateral (select m.created_at as at from messages m
                            where m.chat_id = w.chat_id and m.created_at between '0001-01-02' and pg_catalog.now() + interval '1 hour'
                            order by m.created_at desc limit 1) as newest on w.is_ahead
        left join lateral (select m.created_at as at from messages m
                            where m.chat_id = w.chat_id and m.created_at between '0001-01-02' and pg_catalog.now() + interval '1 hour'
                            order by m.created_at limit 1) as oldest on not w.is_ahead
    ) as wrong
)
select a.chat_id, a.operator_id, 'heartbeat' as clock, null::uuid as id,
       -- In this chat: what they wrote, and that they were given it.
       greatest((select pg_catalog.max(m.created_at) from messages m
                  where m.chat_id = a.chat_id and m.handled_by_operator_id = a.operator_id and m.created_at between '0001-01-02' and pg_catalog.now()),
                (select pg_catalog.max(s.assigned_at) from chat_assignments s
                  where s.chat_id = a.chat_id and s.operator_id = a.operator_id and s.assigned_at between '0001-01-02' and pg_catalog.now())) as at,
       null::timestamptz as replied_at, null::timestamptz as spoken_at, null::timestamptz as said, false as moves
  from operator_activity a
 where a.last_activity not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
    or a.updated_at not between '0001-01-02' and '9999-12-31'
union all
select null, o.id, 'operator', null,
       greatest(turns.assigned_at, turns.answered_at, (
         select pg_catalog.max(m.created_at)
           from (select distinct t.chat_id
                   from (select s.chat_id from chat_assignments s
                          where s.operator_id = o.id and s.assigned_at between '0001-01-02' and pg_catalog.now()
                          order by s.assigned_at desc limit 5) as t) as lately
           join messages m on m.chat_id = lately.chat_id and m.handled_by_operator_id = o.id and m.created_at between '0001-01-02' and pg_catalog.now())),
       null, null, null, false
  from operators o
 cross join lateral (
   select pg_catalog.max(s.assigned_at) filter (where s.assigned_at between '0001-01-02' and pg_catalog.now()) as assigned_at,
          pg_catalog.max(s.released_at) filter (where s.release_reason::text = 'operator_sent_message' and s.released_at between '0001-01-02' and pg_catalog.now()) as answered_at
     from chat_assignments s where s.operator_id = o.id) as turns
 where o.last_activity not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
union all
-- One without a beginning began with its first message.
select c.id, null, 'chat', null,
       case when c.created_at is null
            then (select m.created_at from messages m
                   where m.chat_id = c.id and m.created_at between '0001-01-02' and pg_catalog.now()
                   order by m.created_at limit 1)
            else (select pg_catalog.max(s.assigned_at) from chat_assignments s
                   where s.chat_id = c.id and s.operator_id = c.assigned_operator_id and s.assigned_at between '0001-01-02' and pg_catalog.now()) end,
       greatest((select pg_catalog.max(m.created_at) from messages m
                  where m.chat_id = c.id and m.sender_type::text = 'fictional' and m.created_at between '0001-01-02' and pg_catalog.now()),
                (select least(pg_catalog.max(m.at), pg_catalog.now()) from moved m where m.chat_id = c.id and m.sender_type::text = 'fictional')),
       written.at, c.last_message_at, moves.it
  from chats c
 cross join lateral (
   -- As its messages will be, with those that come to another place.
   select greatest((select least(m.created_at, pg_catalog.now()) from messages m
                     where m.chat_id = c.id and m.created_at between '0001-01-02' and pg_catalog.now() + interval '1 hour'
                     order by m.created_at desc limit 1),
                   (select least(pg_catalog.max(m.at), pg_catalog.now()) from moved m where m.chat_id = c.id)) as at) as written
 cross join lateral (
   select exists (select from moved m where m.chat_id = c.id and m.at is not null)
          and coalesce(c.last_message_at, '-infinity') not between written.at - interval '1 minute' and written.at + interval '1 minute' as it) as moves
 where c.assignment_time not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
    or c.operator_replied_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
    or c.last_message_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
    or least(c.created_at, c.updated_at) < '0001-01-02'
    or greatest(c.created_at, c.updated_at) > '9999-12-31'
    or c.created_at is null
    or (c.id in (select m.chat_id from moved m) and moves.it)
union all
select s.chat_id, s.operator_id, 'assignment', s.id, null, null, null, null, false
  from chat_assignments s
 where s.assigned_at is null or s.released_at < s.assigned_at
    or s.assigned_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
    or s.released_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
    or s.created_at not between '0001-01-02' and '9999-12-31'
union all
select m.chat_id, m.handled_by_operator_id, 'message', m.id, m.at, null, null, null, false
  from moved m
;

with found as materialized (
  select * from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid, operator_id uuid, clock text, id uuid, at timestamptz,
                                                                    replied_at timestamptz, spoken_at timestamptz,
                                                                    said timestamptz, moves boolean)
), heartbeat as materialized (
  select a.chat_id, a.operator_id, a.last_activity, a.updated_at, f.at
    from found f
    join operator_activity a on a.chat_id = f.chat_id and a.operator_id = f.operator_id
   where f.clock = 'heartbeat'
     and (a.last_activity not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
          or a.updated_at not between '0001-01-02' and '9999-12-31')
     for no key update of a skip locked
), operator as materialized (
  select o.id, o.last_activity, f.at
    from found f
    join operators o on o.id = f.operator_id
   where f.clock = 'operator' and o.last_activity not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
     for no key update of o skip locked
), chat as materialized (
  select c.id, c.assigned_operator_id, c.assignment_time, c.operator_replied_at, c.last_message_at,
         c.created_at, c.updated_at, f.at as began_at, f.replied_at as answered_at, f.spoken_at, f.moves and c.last_message_at is not distinct from f.said as moves
    from found f
    join chats c on c.id = f.chat_id
   where f.clock = 'chat'
     and (c.assignment_time not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
          or c.operator_replied_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
          or c.last_message_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
          or least(c.created_at, c.updated_at) < '0001-01-02'
          or greatest(c.created_at, c.updated_at) > '9999-12-31'
          or c.created_at is null
          or (f.moves and c.last_message_at is not distinct from f.said))
     for no key update of c skip locked
), assignment as materialized (
  select s.id, s.chat_id, s.operator_id, s.assigned_at, s.released_at, s.created_at
    from found f
    join chat_assignments s on s.id = f.id
   where f.clock = 'assignment'
     and (s.assigned_at is null or s.released_at < s.assigned_at
          or s.assigned_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
          or s.released_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
          or s.created_at not between '0001-01-02' and '9999-12-31')
     for no key update of s skip locked
), message as materialized (
  select m.id, m.chat_id, m.handled_by_operator_id, m.created_at, m.delivered_at, m.read_at, f.at
    from found f
    join messages m on m.chat_id = f.chat_id and m.id = f.id
   where f.clock = 'message'
     and (m.created_at is null or m.created_at not between '0001-01-02' and pg_catalog.now() + interval '1 hour'
          or m.delivered_at not between '0001-01-02' and '9999-12-31'
          or m.read_at not between '0001-01-02' and '9999-12-31')
     for no key update of m skip locked
), changed_heartbeat as (
  update operator_activity a
     set last_activity = case when a.last_activity not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
                              then coalesce(h.at, '1970-01-01') else a.last_activity end,
         updated_at = case when a.updated_at not between '0001-01-02' and '9999-12-31'
                           then least(greatest(a.updated_at, '1970-01-01'), pg_catalog.now()) else a.updated_at end
    from heartbeat h where a.chat_id = h.chat_id and a.operator_id = h.operator_id
  returning a.chat_id, a.operator_id, h.last_activity as was, a.last_activity, h.updated_at as was_updated_at, a.updated_at
), changed_operator as (
  update operators o set last_activity = coalesce(h.at, '1970-01-01')
    from operator h where o.id = h.id
  returning o.id, h.last_activity as was, o.last_activity
), changed_chat as (
  update chats c
     set assignment_time = case when c.assignment_time not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
                                then coalesce(h.began_at, least(greatest(c.assignment_time, '1970-01-01'), pg_catalog.now())) else c.assignment_time end,
         operator_replied_at = case when c.operator_replied_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
                                    then coalesce(h.answered_at, least(greatest(c.operator_replied_at, '1970-01-01'), pg_catalog.now())) else c.operator_replied_at end,
         last_message_at = case when c.last_message_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
                                then coalesce(h.spoken_at, least(greatest(c.last_message_at, '1970-01-01'), pg_catalog.now()))
                                when h.moves then h.spoken_at else c.last_message_at end,
         -- Only what no client can read: these order lists, and may be anybody's.
         created_at = case when c.created_at is null
                           then least(greatest(coalesce(h.began_at, c.updated_at, pg_catalog.now()), '1970-01-01'), pg_catalog.now())
                           when c.created_at not between '0001-01-02' and '9999-12-31'
                           then least(greatest(c.created_at, '1970-01-01'), pg_catalog.now()) else c.created_at end,
         updated_at = case when c.updated_at not between '0001-01-02' and '9999-12-31'
                           then least(greatest(c.updated_at, '1970-01-01'), pg_catalog.now()) else c.updated_at end
    from chat h where c.id = h.id
  returning c.id, c.assigned_operator_id, h.assignment_time as was_assignment_time, h.operator_replied_at as was_replied_at,
            h.last_message_at as was_last_message_at, h.created_at as was_created_at, h.updated_at as was_updated_at,
            c.assignment_time, c.operator_replied_at, c.last_message_at, c.created_at, c.updated_at
), changed_assignment as (
  update chat_assignments s
     set assigned_at = least(greatest(coalesce(s.assigned_at, s.created_at, s.released_at, pg_catalog.now()), '1970-01-01'), pg_catalog.now()),
         released_at = case when s.released_at is not null
                            then least(greatest(s.released_at, s.assigned_at, '1970-01-01'), pg_catalog.now()) end,
         created_at = case when s.created_at not between '0001-01-02' and '9999-12-31'
                           then least(greatest(s.created_at, '1970-01-01'), pg_catalog.now()) else s.created_at end
    from assignment h where s.id = h.id
  returning s.id, s.chat_id, s.operator_id, h.assigned_at as was_assigned_at, h.released_at as was_released_at,
            h.created_at as was_created_at, s.assigned_at, s.released_at, s.created_at
), changed_message as (
  update messages m
     set created_at = case when m.created_at is null or m.created_at not between '0001-01-02' and pg_catalog.now() + interval '1 hour'
                           then coalesce(h.at, pg_catalog.now()) else m.created_at end,
         delivered_at = case when m.delivered_at not between '0001-01-02' and '9999-12-31'
                             then least(greatest(m.delivered_at, '1970-01-01'), pg_catalog.now()) else m.delivered_at end,
         read_at = case when m.read_at not between '0001-01-02' and '9999-12-31'
                        then least(greatest(m.read_at, '1970-01-01'), pg_catalog.now()) else m.read_at end
    from message h where m.id = h.id and m.chat_id = h.chat_id
  returning m.id, m.chat_id, m.handled_by_operator_id, h.created_at as was_created_at, h.delivered_at as was_delivered_at,
            h.read_at as was_read_at, m.created_at, m.delivered_at, m.read_at
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'DATA002', n.chat_id, n.operator_id, 'operator_activity',
         pg_catalog.jsonb_build_object('last_activity', n.was, 'updated_at', n.was_updated_at),
         pg_catalog.jsonb_build_object('last_activity', n.last_activity, 'updated_at', n.updated_at)
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
         pg_catalog.jsonb_build_object('assigned_at', n.was_assigned_at, 'released_at', n.was_released_at, 'created_at', n.was_created_at),
         pg_catalog.jsonb_build_object('assigned_at', n.assigned_at, 'released_at', n.released_at, 'created_at', n.created_at)
    from changed_assignment n
  union all
  select 'repair', 'DATA002', n.chat_id, n.handled_by_operator_id, 'messages '::text || n.id::text,
         pg_catalog.jsonb_build_object('created_at', n.was_created_at, 'delivered_at', n.was_delivered_at, 'read_at', n.was_read_at),
         pg_catalog.jsonb_build_object('created_at', n.created_at, 'delivered_at', n.delivered_at, 'read_at', n.read_at)
    from changed_message n
)
-- By its own snapshot: what is still wrong in it and was not changed is busy.
select pg_catalog.jsonb_build_object(
         'mended', (select pg_catalog.count(*) from changed_heartbeat) + (select pg_catalog.count(*) from changed_operator)
                   + (select pg_catalog.count(*) from changed_chat) + (select pg_catalog.count(*) from changed_assignment)
                   + (select pg_catalog.count(*) from changed_message),
         'busy', (
           select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(f)), '[]')
             from found f
            where case f.clock
                    when 'heartbeat' then exists (select from operator_activity a
                                                   where a.chat_id = f.chat_id and a.operator_id = f.operator_id
                                                     and (a.last_activity not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
                                                          or a.updated_at not between '0001-01-02' and '9999-12-31'))
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
                                                     or greatest(c.created_at, c.updated_at) > '9999-12-31'
                                                     or c.created_at is null))
                                     and not exists (select from chat h where h.id = f.chat_id)
                    when 'message' then exists (select from messages m
                                                 where m.chat_id = f.chat_id and m.id = f.id
                                                   and (m.created_at is null or m.created_at not between '0001-01-02' and pg_catalog.now() + interval '1 hour'
                                                        or m.delivered_at not between '0001-01-02' and '9999-12-31'
                                                        or m.read_at not between '0001-01-02' and '9999-12-31'))
                                        and not exists (select from message h where h.id = f.id)
                    else exists (select from chat_assignments s where s.id = f.id
                                    and (s.assigned_at is null or s.released_at < s.assigned_at
                                         or s.assigned_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
                                         or s.released_at not between '0001-01-02' and pg_catalog.now() + interval '1 minute'
                                         or s.created_at not between '0001-01-02' and '9999-12-31'))
                         and not exists (select from assignment h where h.id = f.id)
                  end));
