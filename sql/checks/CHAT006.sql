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
with newest_messages as materialized (:newest_messages),
overlooked as materialized (
  select n.chat_id, n.written_at, n.operator_replied_at, n.last_operator_id,
         -- Whether there is the reply of which the chat says when it was.
         exists (select from messages m
                  where m.chat_id = n.chat_id and m.sender_type::text = 'fictional'
                    and m.created_at >= n.operator_replied_at - interval '1 minute') as answered,
         -- What takes messages into the queue notes at once since when their user waits, wherever the chat is.
         pg_catalog.to_jsonb(c) ? 'waiting_since'::text as noted,
         pg_catalog.to_jsonb(c) ? 'waiting_since'::text and pg_catalog.to_jsonb(c) ->> 'waiting_since'::text is null as past
    from newest_messages n
    join chats c on c.id = n.chat_id
   where n.sender_type::text = 'real'
     -- Of two at the same instant none is the later one.
     and (select m.id from messages m
           where m.chat_id = n.chat_id and m.created_at = n.written_at and m.sender_type::text = 'fictional' limit 1) is null
), past as (
  select pg_catalog.count(*) as chats, pg_catalog.min(o.written_at) as first, pg_catalog.max(o.written_at) as last from overlooked o where o.past and (o.answered or o.operator_replied_at is null)
), triggers as (
  select pg_catalog.count(*) as there, pg_catalog.count(*) filter (where t.tgenabled not in ('O', 'A')) as off,
         -- An archive holds rows, no triggers: its tables bear these words.
         pg_catalog.obj_description('messages'::regclass::oid, 'pg_class') = 'rows of an archive'::text as archived
    from pg_trigger t
   where t.tgrelid = 'messages'::regclass::oid and t.tgname::text ~ '^(zz_)?chatops_'
), told as (
  select case when p.chats = 1 then 'a message' else 'messages in ' || p.chats::text || ' chats' end
         || case when pg_catalog.date_trunc('minute', p.first) = pg_catalog.date_trunc('minute', p.last) then ' at ' || f.first else ' from ' || f.first || ' to ' || f.last end
         || ' UTC went past the triggers of messages: these were off, or their session passed them over; '
         || case when t.archived then 'an archive does not hold whether they are on'
                 when t.there = 0 then 'they are missing (DB003), and more goes past' when t.off > 0 then 'some are off (DB017), and more goes past'
                 else 'they are on now' end as past
    from past p
   cross join triggers t
   cross join lateral (
     select pg_catalog.to_char(p.first at time zone 'UTC', w.format) as first, pg_catalog.to_char(p.last at time zone 'UTC', w.format) as last
       from (select case when p.first > now() - interval '20 hours' then 'HH24:MI' else 'YYYY-MM-DD HH24:MI' end as format) as w
   ) as f
)
select o.chat_id,
       o.written_at as user_wrote_at,
       o.operator_replied_at,
       -- Put aside when it was answered, or written into after that; without such a reply nobody knows who put it there, and when.
       case when o.answered then greatest(o.written_at, o.operator_replied_at) end as put_aside_since,
       o.last_operator_id,
       case when o.past and not o.answered and o.operator_replied_at is not null
            then 'it bears the time of an answer, and holds no reply of then: somebody wrote the chat past its triggers (who, is kept nowhere), or that reply is gone'
            when o.past then t.past
            when o.noted then 'the user wrote while the operator was replying: the message left the chat assigned, then the reply put it to waiting for the user without '
                 'looking again' end as because,
       pg_catalog.count(*) over () as wait_beside,
       pg_catalog.min(o.written_at) over () as wait_beside_since
  from overlooked o cross join told t
 order by o.written_at, o.chat_id
