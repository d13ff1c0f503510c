-- Which clocks cannot be right: heartbeats from the future, releases before their assignment?
-- code: DATA002
-- invariant: I17
-- title: {count} clocks cannot be right
-- title-one: 1 clock cannot be right
-- severity: warning
-- group: data
-- expected: no heartbeat, message or assignment comes from the future, and none ends before it began
-- why: heartbeats are written with the client's clock; a laptop that is hours ahead is never idle
-- consequence: the idle check never takes the chat from such an operator
-- help: repair DATA002 --dry-run
-- says: nobody answers · stats seem wrong
-- reads: operators, operator_activity, chats, chat_assignments
-- repair-order: 150
select found.clock, found.chat_id, found.operator_id, found.ahead_by
  from (
    select 'heartbeat' as clock, a.chat_id, a.operator_id, a.last_activity - now() as ahead_by
      from operator_activity a where a.last_activity > now() + interval '1 minute'
    union all
    select 'operator', null, o.id, o.last_activity - now()
      from operators o where o.last_activity > now() + interval '1 minute'
    union all
    select 'chat', c.id, c.assigned_operator_id, greatest(c.assignment_time, c.operator_replied_at, c.last_message_at) - now()
      from chats c
     where greatest(c.assignment_time, c.operator_replied_at, c.last_message_at) > now() + interval '1 minute'
    union all
    select case when s.released_at < s.assigned_at then 'ends before it began' else 'assignment' end,
           s.chat_id, s.operator_id,
           case when s.released_at < s.assigned_at then s.assigned_at - s.released_at
                else greatest(s.assigned_at, s.released_at) - now() end
      from chat_assignments s
     where s.released_at < s.assigned_at
        or greatest(s.assigned_at, s.released_at) > now() + interval '1 minute'
  ) as found
 order by found.ahead_by desc, found.chat_id, found.operator_id
