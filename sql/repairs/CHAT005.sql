-- Opens the missing assignment of a chat's holder.
-- It begins at the chat's assignment time, but not before the end of the assignment that came before it.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with candidate as materialized (
  select c.id, c.xmin as seen
    from chats c
   where c.chat_state = 'assigned'
     and c.assigned_operator_id is not null
     and c.is_active is not false
     and coalesce(c.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
     and not exists (select 1 from chat_assignments a
                      where a.chat_id = c.id and a.released_at is null and a.operator_id = c.assigned_operator_id)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select c.*,
         greatest(least(coalesce(c.assignment_time, c.updated_at, now()), now()),
                  (select max(a.released_at) from chat_assignments a
                    where a.chat_id = c.id and a.released_at <= now())) as began_at
    from chats c
    join candidate k on k.id = c.id
   where c.xmin = k.seen
     for no key update of c skip locked
), changed as (
  insert into chat_assignments (chat_id, operator_id, assigned_at)
  select l.id, l.assigned_operator_id, l.began_at from locked l
  returning *
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'CHAT005', n.chat_id, n.operator_id, 'chat_assignments ' || n.id, null,
         jsonb_build_object('assigned_at', n.assigned_at, 'released_at', n.released_at)
    from changed n
)
select count(*) from changed
