-- Which heartbeats belong to an operator who does not hold the chat?
-- code: CHAT008
-- invariant: I8
-- title: {count} heartbeats belong to operators who do not hold the chat
-- title-one: 1 heartbeat belongs to an operator who does not hold the chat
-- severity: warning
-- group: data
-- meanwhile: yes
-- expected: heartbeats are there for the chat's holder only
-- why: the row is deleted by the last of several statements of a reply, and a tab left open goes on writing it
-- consequence: the idle check takes somebody for active on a chat that they have left
-- help: repair CHAT008 --dry-run
-- says: stats seem wrong
-- reads: operator_activity, chats, operators
select a.chat_id,
       a.operator_id,
       o.name as operator,
       c.assigned_operator_id as holder_id,
       a.last_activity as heard_at
  from operator_activity a
  join chats c on c.id = a.chat_id
  left join operators o on o.id = a.operator_id
 where a.operator_id is distinct from c.assigned_operator_id
 order by a.last_activity desc, a.chat_id
