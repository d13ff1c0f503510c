-- Of each active chat that waits for its user: its newest message, where it is not a reply of the operator whom the chat remembers.
--
-- Several checks ask for it, so the runner asks them together. Where few chats wait beside all messages, each is looked up by key;
-- else one pass over the messages is quicker, and leaves the server's memory to those who work. Either way only those messages
-- count that are not older than what the chat says of itself. Of chats that have no such message, because what they say of
-- themselves is wrong, the newest is looked up.
with way as materialized (
  select (select pg_catalog.count(*) from chats c where c.chat_state::text = 'waiting_real_user_reply' and c.is_active)::double precision
         * 10::double precision
         < (select greatest(k.reltuples::double precision,
                            (select pg_catalog.sum(part.reltuples)::double precision from pg_inherits i
                               join pg_class part on part.oid = i.inhrelid where i.inhparent = k.oid and part.reltuples > 0::real))
              from pg_class k
             where k.oid = 'messages'::regclass::oid) as by_chat
), seen as materialized (
  select c.id as chat_id, c.last_operator_id, c.assigned_operator_id, c.operator_replied_at,
         newest.real_at, newest.reply_at, newest.own_reply_at
    from chats c
   cross join lateral (
     select pg_catalog.max(m.created_at) filter (where m.sender_type::text = 'real') as real_at,
            pg_catalog.max(m.created_at) filter (where m.sender_type::text = 'fictional') as reply_at,
            pg_catalog.max(m.created_at) filter (where m.sender_type::text = 'fictional'
                                                   and m.handled_by_operator_id is not distinct from c.last_operator_id) as own_reply_at
       from messages m
      where m.chat_id = c.id
        and m.created_at >= coalesce(least(c.operator_replied_at - interval '1 minute', c.last_message_at), '-infinity')
   ) as newest
   where c.chat_state::text = 'waiting_real_user_reply'
     and c.is_active is not false
     and (select w.by_chat from way w)
     and (newest.real_at is not null or newest.reply_at is null or newest.reply_at is distinct from newest.own_reply_at)
  union all
  select c.id, c.last_operator_id, c.assigned_operator_id, c.operator_replied_at, newest.real_at, newest.reply_at, newest.own_reply_at
    from chats c
    left join (
      select m.chat_id,
             pg_catalog.max(m.created_at) filter (where m.sender_type::text = 'real') as real_at,
             pg_catalog.max(m.created_at) filter (where m.sender_type::text = 'fictional') as reply_at,
             pg_catalog.max(m.created_at) filter (where m.sender_type::text = 'fictional'
                                                    and m.handled_by_operator_id is not distinct from w.last_operator_id) as own_reply_at
        from messages m
        join chats w on w.id = m.chat_id
       where w.chat_state::text = 'waiting_real_user_reply'
         and w.is_active is not false
         and m.created_at >= coalesce(least(w.operator_replied_at - interval '1 minute', w.last_message_at), '-infinity')
       group by m.chat_id
    ) as newest on newest.chat_id = c.id
   where c.chat_state::text = 'waiting_real_user_reply'
     and c.is_active is not false
     and (select w.by_chat from way w) is not true
     and (newest.real_at is not null or newest.reply_at is null or newest.reply_at is distinct from newest.own_reply_at)
)
select s.chat_id, s.last_operator_id, s.assigned_operator_id, s.operator_replied_at,
       case when s.real_at > coalesce(s.reply_at, '-infinity') then 'real' else 'fictional' end as sender_type,
       greatest(s.real_at, s.reply_at) as written_at
  from seen s
 where s.real_at > coalesce(s.reply_at, '-infinity')
    or s.reply_at is distinct from s.own_reply_at
union all
select s.chat_id, s.last_operator_id, s.assigned_operator_id, s.operator_replied_at, newest.sender_type::text, newest.created_at
  from seen s
 cross join lateral (
   select m.sender_type, m.handled_by_operator_id, m.created_at
     from messages m
    where m.chat_id = s.chat_id
    order by m.created_at desc
    limit 1
 ) as newest
 where s.real_at is null
   and s.reply_at is null
   and (newest.sender_type::text = 'real' or newest.handled_by_operator_id is distinct from s.last_operator_id)
