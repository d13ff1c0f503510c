-- Whether a chat does not remember who wrote its newest reply. Who held or holds it after that may stand there too: the assign
-- function writes its operator at once. c: the chat; reply: its newest one
reply.handled_by_operator_id is not null
   and c.last_operator_id is distinct from reply.handled_by_operator_id
   and (c.last_operator_id is null
        or (c.last_operator_id is distinct from c.assigned_operator_id
            and not exists (
              select 1 from chat_assignments a
               where a.chat_id = c.id and a.operator_id = c.last_operator_id
                 and coalesce(a.released_at, 'infinity') > reply.created_at)))
