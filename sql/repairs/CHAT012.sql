-- Opens a chat again that the reassignment limit closed while its user goes on writing: it waits for an operator.
-- The limit is chatops.max_reassignments if set, else platform_config, else 3.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with reassignment_limit as materialized (
  select coalesce(nullif(current_setting('chatops.max_reassignments', true), '')::numeric,
                  (select case when length(p.value #>> '{}') < 20 and (p.value #>> '{}') ~ '^\s*[0-9]+(\.[0-9]+)?\s*$'
                                and (p.value #>> '{}')::numeric between 1 and 1000
                               then (p.value #>> '{}')::numeric end
                     from platform_config p where p.key = 'max_reassignments'),
                  3) as times
), candidate as materialized (
  select c.id, c.xmin as seen
    from chats c
   cross join lateral (
     select max(a.released_at) as released_at, count(*) as closed, bool_or(a.released_at is null) as any_open,
            (array_agg(a.release_reason order by a.released_at desc, a.assigned_at desc))[1] as release_reason
       from chat_assignments a where a.chat_id = c.id
   ) as ended
   where c.chat_state = 'completed'
     and c.assigned_operator_id is null
     and coalesce(c.id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
     and c.id in (select b.chat_id from chat_assignments b join chats d on d.id = b.chat_id
                   where d.chat_state = 'completed' and b.released_at < d.last_message_at
                     and b.release_reason is distinct from 'operator_sent_message')
     and not ended.any_open
     and ended.closed >= (select times from reassignment_limit)
     and ended.release_reason is distinct from 'operator_sent_message'
     and exists (select 1 from messages m
                  where m.chat_id = c.id and m.sender_type = 'real' and m.created_at > ended.released_at)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select c.*
    from chats c
    join candidate k on k.id = c.id
   where c.xmin = k.seen
     for no key update of c skip locked
), changed as (
  update chats c
     set chat_state = 'waiting_assignment', is_active = true, updated_at = now()
    from locked l
   where c.id = l.id
  returning c.*
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'CHAT012', l.id, coalesce(l.assigned_operator_id, n.last_operator_id), null::text,
         jsonb_build_object('chat_state', l.chat_state, 'is_active', l.is_active, 'assigned_operator_id', l.assigned_operator_id,
                            'assignment_time', l.assignment_time, 'last_operator_id', l.last_operator_id,
                            'operator_replied_at', l.operator_replied_at),
         jsonb_build_object('chat_state', n.chat_state, 'is_active', n.is_active, 'assigned_operator_id', n.assigned_operator_id,
                            'assignment_time', n.assignment_time, 'last_operator_id', n.last_operator_id,
                            'operator_replied_at', n.operator_replied_at)
    from locked l
    join changed n on n.id = l.id
)
select count(*) from changed
