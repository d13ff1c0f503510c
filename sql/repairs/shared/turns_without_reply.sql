-- The last assignment of each chat, where it did not end with a reply.
select b.chat_id, b.released_at, b.release_reason
  from chat_assignments b
 where b.release_reason::text is distinct from 'operator_sent_message'
   and b.released_at is not null
   and not exists (
     select from chat_assignments a
      where a.chat_id = b.chat_id
        and (a.released_at is null or (a.released_at, a.assigned_at, a.id) > (b.released_at, b.assigned_at, b.id)))
offset 0
