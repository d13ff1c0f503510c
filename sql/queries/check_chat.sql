-- One chat as it stands, with who holds it and what its newest messages say.
select c.id as chat_id, c.chat_state, c.is_active, c.assigned_operator_id as operator_id, o.name as operator_name,
       c.assignment_time, c.last_operator_id, l.name as last_operator_name, c.operator_replied_at, c.last_message_at,
       c.message_count, c.created_at, c.updated_at,
       (select pg_catalog.max(m.created_at) from messages m where m.chat_id = c.id and m.sender_type::text = 'real') as user_wrote_at,
       (select pg_catalog.max(m.created_at) from messages m where m.chat_id = c.id and m.sender_type::text = 'fictional') as answered_at,
       (select pg_catalog.count(*) from chat_assignments a where a.chat_id = c.id and a.released_at is null) as open_assignments
  from chats c
  left join operators o on o.id = c.assigned_operator_id
  left join operators l on l.id = c.last_operator_id
 where c.id = :'chat_id'::uuid
