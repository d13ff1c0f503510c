-- Which held chats do not say since when?
-- code: CHAT019
-- title: {count} held chats do not say since when
-- title-one: 1 held chat does not say since when
-- severity: warning
-- group: data
-- meanwhile: yes
-- expected: a chat that is with an operator says since when
-- why: the state was written by hand or by an import, without the time that belongs to it
-- consequence: the idle cron never finds the chat, and no screen says how long it is held
-- help: release {chat_id} --dry-run
-- says: nobody answers
-- reads: chats, operators, chat_assignments
select c.id as chat_id, c.assigned_operator_id as operator_id, o.name as operator,
       (select pg_catalog.max(s.assigned_at) from chat_assignments s
         where s.chat_id = c.id and s.operator_id = c.assigned_operator_id and s.released_at is null) as opened_at
  from chats c
  left join operators o on o.id = c.assigned_operator_id
 where c.chat_state::text = 'assigned'
   and c.assigned_operator_id is not null
   and c.is_active is not false
   and c.assignment_time is null
 order by c.id
