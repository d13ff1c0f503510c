-- Gives the chats that existed before the queue's clocks their waiting_since and their count of unanswered releases.
-- chatops: batched
-- effect: fills since when users wait in existing chats, in small steps

-- Walks all chats by key, each batch from where the one before ended; the place is kept among the settings. Those in which
-- somebody waits are locked, and what their messages say is read after the lock was had.
with place as materialized (
  select coalesce(
           (select (value ->> 'after')::uuid from chatops.settings
             where target_schema = current_schema() and key = 'fill_queue_clocks'),
           '00000000-0000-0000-0000-000000000000'::uuid) as after,
         set_config('chatops.write', 'function', true)
), batch as materialized (
  select c.id, c.chat_state, c.is_active, c.waiting_since
    from chats as c
   where c.id > (select after from place)
   order by c.id
   limit current_setting('chatops.batch_size')::integer
), locked as materialized (
  select c.id
    from chats as c
   where c.id in (select b.id from batch as b
                   where b.chat_state in ('waiting_assignment', 'assigned') and b.is_active is not false
                     and b.waiting_since is null)
     for no key update
), found as materialized (
  select locked.id,
         oldest_unanswered(locked.id) as waiting_since
    from locked
), filled as (
  update chats as c
     set waiting_since = found.waiting_since,
         releases_without_reply = (
           select count(*) from chat_assignments as a
            where a.chat_id = c.id
              and a.released_at > coalesce(
                    (select m.created_at from messages as m
                      where m.chat_id = c.id and m.sender_type = 'fictional' order by m.created_at desc limit 1),
                    '-infinity')
              and a.release_reason is distinct from 'operator_sent_message')
    from found
   where c.id = found.id
     and found.waiting_since is not null
     and c.waiting_since is null
  returning c.id
), moved as (
  insert into chatops.settings as s (target_schema, key, value, reason)
  select current_schema(), 'fill_queue_clocks', jsonb_build_object('after', b.id), 'how far a migration has come'
    from batch as b
   order by b.id desc
   limit 1
  on conflict (target_schema, key) do update set value = excluded.value, set_at = excluded.set_at
)
select count(*) from batch;

delete from chatops.settings where target_schema = current_schema() and key = 'fill_queue_clocks';
