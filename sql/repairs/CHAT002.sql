-- Leaves a chat the newest open assignment of its holder and closes the others.
-- Each ends with its operator's reply, else where the next one began; nobody's heartbeat but the holder's stays.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with wrong as materialized (
  select a.id, a.xmin as seen, a.chat_id, a.assigned_at
    from chat_assignments a
    join chats c on c.id = a.chat_id
   where a.released_at is null
     and a.chat_id in (select b.chat_id from chat_assignments b where b.released_at is null
                        group by b.chat_id having count(*) > 1)
     and a.id is distinct from (
           select h.id from chat_assignments h
            where h.chat_id = a.chat_id and h.released_at is null and h.operator_id = c.assigned_operator_id
            order by h.assigned_at desc, h.id limit 1)
), candidate as materialized (
  -- It ended where the next assignment of the chat began; at once where another one already stood, so that none overlap.
  select w.id, w.seen, c.id as chat_id, c.xmin as chat_seen,
         greatest(w.assigned_at, least(now(), (
           select min(case when e.assigned_at > w.assigned_at then e.assigned_at else w.assigned_at end)
             from chat_assignments e
            where e.chat_id = w.chat_id and e.id <> w.id
              and (e.assigned_at > w.assigned_at
                   or (coalesce(e.released_at, 'infinity') > w.assigned_at
                       and not exists (select 1 from wrong v where v.id = e.id))
                   or (e.assigned_at = w.assigned_at and e.id < w.id))))) as ended_at
    from wrong w
    join chats c on c.id = w.chat_id
   where coalesce(w.chat_id = nullif(current_setting('chatops.only_chat', true), '')::uuid, true)
   order by w.chat_id, w.assigned_at
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select a.id, a.chat_id, a.operator_id, a.assigned_at, k.ended_at,
         (select min(m.created_at) from messages m
           where m.chat_id = a.chat_id and m.sender_type = 'fictional' and m.handled_by_operator_id = a.operator_id
             and m.created_at between a.assigned_at and k.ended_at) as answered_at
    from chat_assignments a
    join candidate k on k.id = a.id
    join chats c on c.id = k.chat_id
   where a.xmin = k.seen and c.xmin = k.chat_seen and a.released_at is null
     for no key update of c, a skip locked
), changed as (
  update chat_assignments a
     set released_at = coalesce(l.answered_at, l.ended_at),
         release_reason = case when l.answered_at is not null then 'operator_sent_message' else 'manual_release:repair' end
    from locked l
   where a.id = l.id
  returning a.*
), idle as (
  delete from operator_activity v
   using locked l, chats c
   where v.chat_id = l.chat_id and v.operator_id = l.operator_id
     and c.id = l.chat_id and c.assigned_operator_id is distinct from l.operator_id
  returning v.*
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'CHAT002', n.chat_id, n.operator_id, 'chat_assignments ' || n.id,
         jsonb_build_object('released_at', null),
         jsonb_build_object('released_at', n.released_at, 'release_reason', n.release_reason)
    from changed n
  union all
  select 'repair', 'CHAT002', v.chat_id, v.operator_id, 'operator_activity', jsonb_build_object('last_activity', v.last_activity), null
    from idle v
)
select count(*) from changed
