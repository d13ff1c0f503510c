-- Into which chats that the reassignment limit closed does a user still write?
-- code: CHAT012
-- invariant: I15
-- title: {count} users write into chats that the reassignment limit closed
-- title-one: 1 user writes into a chat that the reassignment limit closed
-- severity: warning
-- group: data
-- expected: nobody writes into a chat that the reassignment limit closed
-- why: the limit counts every closed assignment, normal replies too: after three replies the next idle timeout ends the
--   chat for good
-- consequence: the user sees an open chat and writes; no operator is ever shown these messages
-- help: repair CHAT012 --dry-run
-- says: nobody answers
-- reads: chats, chat_assignments, messages
-- limits: max_reassignments
select c.id as chat_id,
       ended.released_at as closed_at,
       ended.release_reason,
       unanswered.messages as messages_since,
       unanswered.newest_at as user_wrote_at
  from (
    select a.chat_id,
           max(a.released_at) as released_at,
           (array_agg(a.release_reason order by a.released_at desc, a.assigned_at desc))[1] as release_reason,
           (array_agg(a.operator_id order by a.released_at desc, a.assigned_at desc))[1] as operator_id
      from chat_assignments a
     where a.chat_id in (
             -- Only a chat that was written into after it was closed can be one.
             select b.chat_id from chat_assignments b join chats d on d.id = b.chat_id
              where d.chat_state = 'completed' and b.released_at < d.last_message_at
                and b.release_reason is distinct from 'operator_sent_message')
     group by a.chat_id
    having bool_and(a.released_at is not null)
       and count(*) >= :'max_reassignments'::numeric
  ) as ended
  join chats c on c.id = ended.chat_id and c.chat_state = 'completed'
 cross join lateral (
   select count(*) as messages, max(m.created_at) as newest_at
     from messages m
    where m.chat_id = c.id and m.sender_type = 'real' and m.created_at > ended.released_at
 ) as unanswered
 where ended.release_reason is distinct from 'operator_sent_message'
   and unanswered.messages > 0
 order by unanswered.newest_at desc, c.id
