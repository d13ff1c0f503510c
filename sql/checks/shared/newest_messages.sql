-- Of each active chat that waits for its user: when its user wrote last and who answered, where either is not as it should be.
--
-- Several checks ask for it, so the runner asks them together. Where the messages fit into the memory that the server expects to
-- have, each chat's newest message is looked up, in the order of the index; where they do not, such looks would be random reads
-- without number, and one pass over all messages is made instead (`offset 0` keeps the planner to it). In the pass a chat's last
-- message is within a minute of last_message_at, which the application and its trigger write with different clocks.
with size as materialized (
  select pg_total_relation_size('messages'::regclass) <= pg_size_bytes(current_setting('effective_cache_size')) as fits
), due as (
  select id, last_operator_id, coalesce(last_message_at - interval '1 minute', '-infinity') as from_then_on
    from chats
   where chat_state = 'waiting_real_user_reply' and is_active is not false
)
select d.id as chat_id,
       case when newest.sender_type = 'real' then newest.created_at end as user_wrote_at,
       case when newest.sender_type = 'fictional' then newest.created_at end as answered_at,
       -- Whether somebody else than the last operator answered last; who was the last is then looked up.
       newest.sender_type = 'fictional' and newest.handled_by_operator_id <> d.last_operator_id as answered_by_another
  from (select * from due where (select fits from size) order by id) as d
 cross join lateral (
   select m.sender_type, m.created_at, m.handled_by_operator_id
     from messages m
    where m.chat_id = d.id
    order by m.created_at desc
    limit 1
 ) as newest
 where newest.sender_type = 'real' or newest.handled_by_operator_id <> d.last_operator_id
union all
select m.chat_id,
       max(m.created_at) filter (where m.sender_type = 'real'),
       max(m.created_at) filter (where m.sender_type = 'fictional'),
       bool_or(m.sender_type = 'fictional' and m.handled_by_operator_id <> d.last_operator_id)
  from (select chat_id, sender_type, created_at, handled_by_operator_id from messages offset 0) as m
  join due as d on d.id = m.chat_id and m.created_at >= d.from_then_on
 where not (select fits from size)
 group by m.chat_id
