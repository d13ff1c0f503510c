-- Which chats have more than one open assignment?
-- code: CHAT002
-- invariant: I2
-- title: {count} chats have more than one open assignment
-- title-one: 1 chat has more than one open assignment
-- severity: critical
-- group: data
-- meanwhile: yes
-- expected: a chat has at most one open assignment
-- why: an admin's reassign writes a closed row for the old operator and leaves the old open row open; two assigns of one
--   chat at the same moment do it too
-- consequence: one conversation counts for two operators: figures per operator and times per answer are wrong
-- help: repair CHAT002 --dry-run
-- says: stats seem wrong
-- reads: chat_assignments, chats
select a.chat_id,
       c.assigned_operator_id as operator_id,
       pg_catalog.count(*) as open_assignments,
       pg_catalog.min(a.assigned_at) as opened_at
  from chat_assignments a
  left join chats c on c.id = a.chat_id
 where a.released_at is null
 group by a.chat_id, c.assigned_operator_id
having pg_catalog.count(*) > 1
 order by pg_catalog.count(*) desc, a.chat_id
