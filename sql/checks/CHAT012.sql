-- Into which chats that the reassignment limit closed does a user still write?
-- code: CHAT012
-- invariant: I15
-- title: {count} users write into chats that the reassignment limit closed
-- title-one: 1 user writes into a chat that the reassignment limit closed
-- brief: {count} closed by the limit, and the user writes on
-- severity: warning
-- group: data
-- meanwhile: yes
-- expected: nobody writes into a chat that the reassignment limit closed
-- why: [before trigger chats.chatops_guard_chat: the limit counts every closed assignment, normal replies too: after three replies the next
--   idle timeout ends the chat for good;] [from trigger chats.chatops_guard_chat: the chat was closed before the limit counted releases without
--   a reply alone, or what opens it at the next message was missing or off (DB017)]
-- consequence: the user sees an open chat, writes, and pays for the messages that are not free; no operator is ever shown them
-- users-wait: yes
-- help: repair CHAT012 --dry-run
-- help-text: or `reopen --where CHAT012`, which undo takes back
-- says: nobody answers
-- reads: chats, chat_assignments, messages
-- limits: max_reassignments
\set turns_without_reply `cat sql/repairs/shared/turns_without_reply.sql`
select c.id as chat_id,
       ended.released_at as closed_at,
       ended.release_reason,
       unanswered.messages as messages_since,
       unanswered.paid as paid_messages,
       now() - unanswered.oldest_at as waiting_for,
       unanswered.newest_at as user_wrote_at
  from (:turns_without_reply) as ended
  -- Only a chat that was written into after it was closed can be one.
  join chats c on c.id = ended.chat_id and c.chat_state::text = 'completed' and c.last_message_at > ended.released_at
 cross join lateral (
   select pg_catalog.count(*) as messages, pg_catalog.count(*) filter (where m.is_free_message is false) as paid,
          pg_catalog.min(m.created_at) as oldest_at, pg_catalog.max(m.created_at) as newest_at
     from messages m
    where m.chat_id = c.id and m.sender_type::text = 'real' and m.created_at > ended.released_at
 ) as unanswered
 where unanswered.messages > 0
   and (select pg_catalog.count(*) from chat_assignments a where a.chat_id = c.id)::numeric >= :'max_reassignments'::numeric
 order by unanswered.newest_at desc, c.id
