-- Sets clocks that are ahead to now, and lets no assignment end before it began.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with late as materialized (
  select now() + interval '1 minute' as latest
), heartbeat as materialized (
  select a.chat_id, a.operator_id, a.last_activity
    from operator_activity a
   where a.last_activity > (select latest from late) and coalesce(a.chat_id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
     for no key update of a skip locked
), operator as materialized (
  select o.id, o.last_activity
    from operators o
   where o.last_activity > (select latest from late) and nullif(current_setting('chatops.only_chat', true), '') is null
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
     for no key update of o skip locked
), chat as materialized (
  select c.id, c.assigned_operator_id, c.assignment_time, c.operator_replied_at, c.last_message_at
    from chats c
   where greatest(c.assignment_time, c.operator_replied_at, c.last_message_at) > (select latest from late)
     and coalesce(c.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
     for no key update of c skip locked
), assignment as materialized (
  select s.id, s.chat_id, s.operator_id, s.assigned_at, s.released_at
    from chat_assignments s
   where (s.released_at < s.assigned_at or greatest(s.assigned_at, s.released_at) > (select latest from late))
     and coalesce(s.chat_id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
     for no key update of s skip locked
), changed_heartbeat as (
  update operator_activity a set last_activity = now()
    from heartbeat h where a.chat_id = h.chat_id and a.operator_id = h.operator_id
  returning a.chat_id, a.operator_id, a.last_activity
), changed_operator as (
  update operators o set last_activity = now() from operator h where o.id = h.id
  returning o.id, o.last_activity
), changed_chat as (
  update chats c
     set assignment_time = least(c.assignment_time, now()),
         operator_replied_at = least(c.operator_replied_at, now()),
         last_message_at = least(c.last_message_at, now())
    from chat h where c.id = h.id
  returning c.id, c.assigned_operator_id, c.assignment_time, c.operator_replied_at, c.last_message_at
), changed_assignment as (
  update chat_assignments s
     set assigned_at = least(s.assigned_at, now()),
         released_at = case when s.released_at is not null then greatest(least(s.released_at, now()), least(s.assigned_at, now())) end
    from assignment h where s.id = h.id
  returning s.id, s.chat_id, s.operator_id, s.assigned_at, s.released_at
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'DATA002', n.chat_id, n.operator_id, 'operator_activity',
         jsonb_build_object('last_activity', h.last_activity), jsonb_build_object('last_activity', n.last_activity)
    from changed_heartbeat n join heartbeat h on h.chat_id = n.chat_id and h.operator_id = n.operator_id
  union all
  select 'repair', 'DATA002', null, n.id, 'operators',
         jsonb_build_object('last_activity', h.last_activity), jsonb_build_object('last_activity', n.last_activity)
    from changed_operator n join operator h on h.id = n.id
  union all
  select 'repair', 'DATA002', n.id, n.assigned_operator_id, null,
         jsonb_build_object('assignment_time', h.assignment_time, 'operator_replied_at', h.operator_replied_at,
                            'last_message_at', h.last_message_at),
         jsonb_build_object('assignment_time', n.assignment_time, 'operator_replied_at', n.operator_replied_at,
                            'last_message_at', n.last_message_at)
    from changed_chat n join chat h on h.id = n.id
  union all
  select 'repair', 'DATA002', n.chat_id, n.operator_id, 'chat_assignments ' || n.id,
         jsonb_build_object('assigned_at', h.assigned_at, 'released_at', h.released_at),
         jsonb_build_object('assigned_at', n.assigned_at, 'released_at', n.released_at)
    from changed_assignment n join assignment h on h.id = n.id
)
select (select count(*) from changed_heartbeat) + (select count(*) from changed_operator) + (select count(*) from changed_chat)
     + (select count(*) from changed_assignment)
