-- Removes heartbeats of operators who do not hold the chat.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with candidate as materialized (
  select a.ctid as place, a.xmin as seen, c.id as chat_id, c.xmin as chat_seen
    from operator_activity a
    join chats c on c.id = a.chat_id
   where a.operator_id is distinct from c.assigned_operator_id
     and coalesce(a.chat_id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select a.chat_id, a.operator_id
    from operator_activity a
    join candidate k on k.place = a.ctid
    join chats c on c.id = k.chat_id
   where a.xmin = k.seen and c.xmin = k.chat_seen
     for no key update of c, a skip locked
), changed as (
  delete from operator_activity a using locked l where a.chat_id = l.chat_id and a.operator_id = l.operator_id
  returning a.*
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'CHAT008', n.chat_id, n.operator_id, 'operator_activity', jsonb_build_object('last_activity', n.last_activity), null
    from changed n
)
select count(*) from changed
