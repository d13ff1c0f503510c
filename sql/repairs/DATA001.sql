-- Sets counters to what they count: the messages of a chat, the replies of an operator.
--
-- Chats with a message since chatops.since (24 hours if not set), operators in full. One batch: the rows are found, locked
-- without waiting and compared again by their version; whoever is busy comes next time.
with chat_candidate as materialized (
  select c.id, c.xmin as seen, source.messages
    from chats c
   cross join lateral (select count(*) as messages from messages m where m.chat_id = c.id) as source
   where c.last_message_at >= now() - coalesce(nullif(current_setting('chatops.since', true), ''), '24 hours')::interval
     and coalesce(c.message_count, 0) <> source.messages
     and coalesce(c.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), chat as materialized (
  select c.id, c.message_count, k.messages
    from chats c
    join chat_candidate k on k.id = c.id
   where c.xmin = k.seen
     for no key update of c skip locked
), operator_candidate as materialized (
  select o.id, o.xmin as seen, coalesce(source.messages, 0) as messages
    from operators o
    left join (
      select m.handled_by_operator_id, count(*) as messages
        from messages m
       where m.handled_by_operator_id is not null
       group by m.handled_by_operator_id
    ) as source on source.handled_by_operator_id = o.id
   where coalesce(o.total_messages, 0) <> coalesce(source.messages, 0)
     and nullif(current_setting('chatops.only_chat', true), '') is null
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), operator as materialized (
  select o.id, o.total_messages, k.messages
    from operators o
    join operator_candidate k on k.id = o.id
   where o.xmin = k.seen
     for no key update of o skip locked
), changed_chat as (
  update chats c set message_count = h.messages from chat h where c.id = h.id
  returning c.id, c.message_count
), changed_operator as (
  update operators o set total_messages = h.messages from operator h where o.id = h.id
  returning o.id, o.total_messages
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'DATA001', n.id, null::uuid, null::text,
         jsonb_build_object('message_count', h.message_count), jsonb_build_object('message_count', n.message_count)
    from changed_chat n join chat h on h.id = n.id
  union all
  select 'repair', 'DATA001', null, n.id, 'operators',
         jsonb_build_object('total_messages', h.total_messages), jsonb_build_object('total_messages', n.total_messages)
    from changed_operator n join operator h on h.id = n.id
)
select (select count(*) from changed_chat) + (select count(*) from changed_operator)
