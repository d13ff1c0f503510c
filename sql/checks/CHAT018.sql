-- Into which closed chats does a user write in vain, whoever closed them?
-- code: CHAT018
-- title: {count} users wrote into closed chats, and nobody is called
-- title-one: 1 user wrote into a closed chat, and nobody is called
-- brief: {count} wrote into a chat that is closed
-- severity: warning
-- group: data
-- meanwhile: yes
-- expected: nobody writes into a chat that somebody has closed
-- why: an admin closed the chat, blocked the user, or unblocked them without opening their chats again; the application goes on
--   to take their messages
-- consequence: the user sees an open chat, writes, and pays for the messages that are not free; no operator is ever shown them
-- users-wait: yes
-- help: reopen {chat_id} --dry-run
-- says: nobody answers
-- reads: chats, chat_assignments, messages
-- limits: max_reassignments
-- What the reassignment limit closed is CHAT012's. A chat was closed when it came into its state; before there was such a clock,
-- when its last assignment ended, else when it was last written. Who was answered afterwards does not write in vain.
\set newest_pages `cat sql/checks/shared/newest_pages.sql`
\set chats_with_clocks `cat sql/queries/shared/chats_with_clocks$BEFORE_018.sql`
select c.id as chat_id,
       closed.at as closed_at,
       c.closed_reason as closed_reason,
       unanswered.messages as messages_since,
       unanswered.paid as paid_messages,
       now() - unanswered.oldest_at as waiting_for,
       unanswered.newest_at as user_wrote_at
  from (
    -- Few: in the others a reply is the last that happened.
    select * from :chats_with_clocks as c
     where (is_active is false or chat_state::text = 'completed')
       and ((operator_replied_at is null or last_message_at > operator_replied_at)
            and (state_since is null or last_message_at > state_since)
            or c.id in (select p.chat_id from (:newest_pages) as p))
    offset 0
  ) as c
 cross join lateral (
   select coalesce(c.state_since, (select pg_catalog.max(a.released_at) from chat_assignments a where a.chat_id = c.id), c.updated_at) as at
 ) as closed
 cross join lateral (
   select pg_catalog.count(*) as messages, pg_catalog.count(*) filter (where m.is_free_message is false) as paid,
          pg_catalog.min(m.created_at) as oldest_at, pg_catalog.max(m.created_at) as newest_at
     from messages m
    where m.chat_id = c.id and m.sender_type::text = 'real' and m.created_at > greatest(closed.at, c.operator_replied_at)
 ) as unanswered
 where unanswered.messages > 0
   and coalesce(c.closed_reason, '') <> 'max_reassignments'
   and not (c.chat_state::text = 'completed' and c.closed_reason is null
            and (select pg_catalog.count(*) from chat_assignments a where a.chat_id = c.id and a.released_at is not null)::numeric
                >= :'max_reassignments'::numeric
            and (select a.release_reason::text is distinct from 'operator_sent_message' from chat_assignments a
                  where a.chat_id = c.id and a.released_at is not null
                  order by a.released_at desc, a.assigned_at desc, a.id desc limit 1))
 order by unanswered.newest_at desc, c.id
