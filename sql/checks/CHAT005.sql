-- Which assigned chats have no open assignment of their holder?
-- code: CHAT005
-- invariant: I5
-- title: {count} assigned chats have no open assignment
-- title-one: 1 assigned chat has no open assignment
-- severity: critical
-- group: data
-- dated: no
-- meanwhile: yes
-- expected: every assigned chat has the open assignment of its holder
-- why: assigning and noting it are separate statements in the application; a late reply or a release of somebody else
--   closes the row while the chat stays assigned
-- consequence: the work on this chat is counted for nobody, and its release leaves no trace
-- help: repair CHAT005 --dry-run
-- says: stats seem wrong
-- reads: chats, chat_assignments, operators
select c.id as chat_id,
       c.assigned_operator_id as operator_id,
       o.name as operator,
       now() - c.assignment_time as held_for,
       case when turn.released_at is null then 'is not there' end as assignment,
       turn.released_at as assignment_closed_at,
       turn.release_reason as assignment_closed_as,
       case when turn.released_at is null then 'the assignment was deleted, or never noted: in the application that is a statement of its own after assigning'
            else 'the assignment was closed while the chat stayed assigned: by a late reply, by a release of somebody else, or by hand' end as because,
       case when turn.released_at is null then 'the work on this chat is counted for nobody, and its release leaves no trace'
            else 'the assignment counts as over since then, and what is done on this chat until its release counts for nobody' end as so
  from chats c
  left join operators o on o.id = c.assigned_operator_id
  left join lateral (
    -- One of the holder that reached into the time for which they hold the chat.
    select a.released_at, a.release_reason from chat_assignments a
     where a.chat_id = c.id and a.operator_id = c.assigned_operator_id and a.released_at is not null
       and (a.assigned_at >= c.assignment_time or a.released_at > c.assignment_time)
     order by a.released_at desc limit 1
  ) as turn on true
 where c.chat_state::text = 'assigned'
   and c.assigned_operator_id is not null
   and c.is_active is not false
   and not exists (
     select 1 from chat_assignments a
      where a.chat_id = c.id and a.released_at is null and a.operator_id = c.assigned_operator_id
   )
 order by c.assignment_time nulls first, c.id
