-- Which chats wait longest?
-- needs: chat_queue
select q.chat_id, q.waiting_since, q.last_operator_id, o.name as last_operator_name, c.last_message_at,
       u.name as user_name, f.name as profile_name,
       -- By name: before 018 there is no such column.
       greatest(q.waiting_since, (pg_catalog.to_jsonb(c) ->> 'state_since'::text)::timestamptz) as queued_since
from (
  select chat_id, waiting_since, last_operator_id from chat_queue order by waiting_since, chat_id limit :'limit'::int
) q
join chats c on c.id = q.chat_id
left join operators o on o.id = q.last_operator_id
left join real_users u on u.id = c.real_user_id
left join fictional_users f on f.id = c.fictional_user_id
order by q.waiting_since, q.chat_id
