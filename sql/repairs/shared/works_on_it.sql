-- Whether the operator of a waiting chat is active, has its assignment and no other chat: then they work on it. c: the chat
c.assigned_operator_id is not null
and c.is_active is not false
and (c.chat_state is null or c.chat_state::text = 'waiting_assignment')
and exists (select 1 from operators o where o.id = c.assigned_operator_id and o.is_active)
and exists (select 1 from chat_assignments a
             where a.chat_id = c.id and a.operator_id = c.assigned_operator_id and a.released_at is null)
and not exists (select 1 from chats h
                 where h.assigned_operator_id = c.assigned_operator_id and h.chat_state::text = 'assigned'
                   and h.is_active is not false)
