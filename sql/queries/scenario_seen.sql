-- What has become of a made-up chat, and of the turns in it?
select c.chat_state, c.assigned_operator_id, c.last_operator_id, c.operator_replied_at is not null as has_reply,
       pg_catalog.count(a.id) as turns, pg_catalog.count(a.id) filter (where a.released_at is null) as open_turns,
       pg_catalog.count(a.id) filter (where a.release_reason::text = 'operator_sent_message') as answered_turns,
       pg_catalog.array_agg(a.operator_id) filter (where a.released_at is null) as open_operators,
       (select pg_catalog.count(*) from messages as m where m.chat_id = :'chat_id'::uuid) as messages,
       coalesce(c.assignment_time < statement_timestamp() - interval '30 minutes', false) as old
  from chats as c
  left join chat_assignments as a on a.chat_id = c.id
 where c.id = :'chat_id'::uuid
 group by c.id
