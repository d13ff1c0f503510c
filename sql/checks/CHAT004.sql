-- Which open assignments belong to an operator who does not hold the chat?
-- code: CHAT004
-- invariant: I4
-- title: {count} open assignments belong to operators who do not hold the chat
-- title-one: 1 open assignment belongs to an operator who does not hold the chat
-- brief: {count} left open by an operator without the chat
-- severity: critical
-- advice: nobody holds the chats: whatever comes next on such a chat ends them
-- group: data
-- meanwhile: yes
-- expected: every open assignment belongs to the chat's holder
-- why: the row is closed by a statement of its own after the chat was changed: whoever fails, is killed or is overtaken
--   between the two leaves it open; deleting an operator or force-closing a chat never closes it
-- consequence: the operator's figures go on counting; the chat's next release closes a row that is not its own
-- help: repair CHAT004 --dry-run
-- says: stats seem wrong
-- reads: chat_assignments, chats, operators
-- The application lets a chat go with one request and says why with the next: five seconds are its. What is left open later on a
-- chat that nobody holds is advice: whatever comes next on that chat ends it.
select a.chat_id,
       a.operator_id,
       o.name as operator,
       c.assigned_operator_id as holder_id,
       c.chat_state,
       a.assigned_at,
       c.assigned_operator_id is null as advice
  from chat_assignments a
  join chats c on c.id = a.chat_id
  left join operators o on o.id = a.operator_id
 where a.released_at is null
   and a.operator_id is distinct from c.assigned_operator_id
   and (c.assigned_operator_id is not null
        or coalesce((pg_catalog.to_jsonb(c) ->> 'state_since'::text)::timestamptz, '-infinity') < now() - interval '5 seconds')
 order by c.assigned_operator_id is null, a.assigned_at, a.chat_id
