-- Which clocks cannot be right: heartbeats from the future, releases before their assignment?
-- code: DATA002
-- invariant: I17
-- title: {count} clocks cannot be right
-- title-one: 1 clock cannot be right
-- severity: warning
-- group: data
-- meanwhile: yes
-- expected: no heartbeat, message, chat or assignment comes from the future or without a time, and none ends before it began
-- why: heartbeats are written with the client's clock; a laptop that is hours ahead is never idle
-- consequence: the idle check never takes the chat from such an operator
-- help: repair DATA002 --dry-run
-- says: nobody answers; stats seem wrong
-- reads: operators, operator_activity, chats, chat_assignments, messages
-- A time that no client can read (infinity, years outside 1 to 9999) is ahead by no span.
select found.clock, found.chat_id, found.operator_id,
       case when found.at between '0001-01-02' and '9999-12-31' then found.at - now() end as ahead_by,
       -- Nobody takes the chat from whoever holds it by such a clock.
       found.clock in ('heartbeat', 'operator')
       and exists (select from chats c
                    where c.assigned_operator_id = found.operator_id and c.chat_state::text = 'assigned' and c.is_active is not false
                      and (found.chat_id is null or c.id = found.chat_id)) as felt,
       case when pg_catalog.count(*) over alike > 2
            then (pg_catalog.count(*) over alike)::text || ' clocks, all ahead by the same: one statement wrote them, and no operator'
            when found.clock in ('heartbeat', 'operator') then 'it was written with the clock of the operator''s machine, which is ahead, or by hand'
            when found.clock = 'message' then 'whoever wrote the message gave it this time, or a restore did'
            else 'it was written by hand, or by a restore' end as because,
       case when found.clock in ('heartbeat', 'operator') then 'the idle check never takes a chat from such an operator'
            when found.clock = 'message' then 'what is written next stands after it, and a user who waits by it stands behind the others'
            when found.clock = 'chat' then 'the wait, or the time for which it is held, counts from there: the chat stands behind others, or is told as new'
            else 'figures of this turn are wrong' end as so
  from (
    select 'heartbeat' as clock, a.chat_id, a.operator_id, a.last_activity as at
      from operator_activity a
     where a.last_activity not between '0001-01-02' and now() + interval '1 minute'
        or a.updated_at not between '0001-01-02' and '9999-12-31'
    union all
    select 'operator', null, o.id, o.last_activity
      from operators o where o.last_activity not between '0001-01-02' and now() + interval '1 minute'
    union all
    select 'chat', c.id, c.assigned_operator_id, greatest(c.assignment_time, c.operator_replied_at, c.last_message_at, c.created_at, c.updated_at)
      from chats c
     where c.assignment_time not between '0001-01-02' and now() + interval '1 minute'
        or c.operator_replied_at not between '0001-01-02' and now() + interval '1 minute'
        or c.last_message_at not between '0001-01-02' and now() + interval '1 minute'
        or least(c.created_at, c.updated_at) < '0001-01-02'
        or greatest(c.created_at, c.updated_at) > '9999-12-31'
        or c.created_at is null
    union all
    select case when told.is_odd then 'assignment' else 'ends before it began' end, s.chat_id, s.operator_id,
           case when told.is_odd then greatest(s.assigned_at, s.released_at) else now() + (s.assigned_at - s.released_at) end
      from chat_assignments s
     cross join lateral (
       select s.assigned_at is null or s.assigned_at not between '0001-01-02' and now() + interval '1 minute'
              or coalesce(s.released_at not between '0001-01-02' and now() + interval '1 minute', false)
              or coalesce(s.created_at not between '0001-01-02' and '9999-12-31', false) as is_odd
     ) as told
     where told.is_odd or s.released_at < s.assigned_at
    union all
    select 'message', m.chat_id, m.handled_by_operator_id,
           case when m.created_at between '0001-01-02' and now() + interval '1 hour' then greatest(m.delivered_at, m.read_at)
                else m.created_at end
      from messages m
     where m.created_at is null or m.created_at not between '0001-01-02' and now() + interval '1 hour'
        or m.delivered_at not between '0001-01-02' and '9999-12-31'
        or m.read_at not between '0001-01-02' and '9999-12-31'
  ) as found
window alike as (partition by found.at > now() and found.at between '0001-01-02' and '9999-12-31', pg_catalog.date_bin('5 seconds', found.at, '2000-01-01'))
 order by found.at desc nulls first, found.chat_id, found.operator_id
