-- Which chats wait for the user although the user spoke last?
-- code: CHAT006
-- invariant: I6
-- title: {count} chats are in no queue although the user spoke last
-- title-one: 1 chat is in no queue although the user spoke last
-- brief: {count} in no queue although the user spoke last
-- severity: warning
-- group: data
-- meanwhile: yes
-- expected: a chat that waits for its user was answered last
-- why: the user wrote while the operator was replying: the message left the chat assigned, then the reply put it to
--   waiting for the user without looking again; or what takes messages into the queue was missing or switched off (DB003, DB017)
-- consequence: the message is there, but nobody is called for it until the user writes once more; the repair puts the chat into the queue
-- users-wait: yes
-- help: repair CHAT006 --dry-run
-- says: nobody answers; a message was lost
-- reads: chats, messages
-- shares: newest_messages
\set newest_messages `cat sql/checks/shared/newest_messages.sql`
with newest_messages as materialized (:newest_messages)
select n.chat_id,
       n.written_at as user_wrote_at,
       n.operator_replied_at,
       -- Put aside when it was answered, or written into after that; without such a reply nobody knows who put it there, and when.
       case when exists (select from messages m
                          where m.chat_id = n.chat_id and m.sender_type::text = 'fictional'
                            and m.created_at >= n.operator_replied_at - interval '1 minute')
            then greatest(n.written_at, n.operator_replied_at) end as put_aside_since,
       n.last_operator_id,
       pg_catalog.count(*) over () as wait_beside,
       pg_catalog.min(n.written_at) over () as wait_beside_since
  from newest_messages n
 where n.sender_type::text = 'real'
   -- Of two at the same instant none is the later one.
   and (select m.id from messages m
         where m.chat_id = n.chat_id and m.created_at = n.written_at and m.sender_type::text = 'fictional' limit 1) is null
 order by n.written_at, n.chat_id
