-- Which chats should somebody read again: ended although the user spoke last, or given back again and again without an answer?
-- since: an instant; the newest first. bounced: how many turns without an answer are too many; limit: how many
with newest as (
  select c.id, c.chat_state::text as chat_state, c.is_active, c.assigned_operator_id, c.last_message_at, said.sender_type, said.created_at
  from chats c
  cross join lateral (
    select m.sender_type, m.created_at from messages m where m.chat_id = c.id order by m.created_at desc limit 1
  ) said
  where c.last_message_at >= :'since'::timestamptz and said.sender_type::text = 'real'
), turns as (
  select n.id, pg_catalog.count(*) as turns
  from newest n
  join chat_assignments a on a.chat_id = n.id and a.released_at is not null and a.assigned_at >= :'since'::timestamptz
   and a.release_reason::text is distinct from 'operator_sent_message'
   and a.assigned_at > coalesce((select pg_catalog.max(r.created_at) from messages r
                                  where r.chat_id = n.id and r.sender_type::text = 'fictional'), '-infinity')
  group by n.id
)
select n.id as chat_id, case when n.chat_state::text = 'completed' or n.is_active is false then 'ended' else 'bounced' end as reason,
       u.name as user_name, f.name as profile_name, n.chat_state, n.created_at as user_wrote_at, coalesce(t.turns, 0) as turns,
       n.assigned_operator_id as operator_id, o.name as operator_name
from newest n
join chats c on c.id = n.id
left join turns t on t.id = n.id
left join real_users u on u.id = c.real_user_id
left join fictional_users f on f.id = c.fictional_user_id
left join operators o on o.id = n.assigned_operator_id
where n.chat_state::text = 'completed' or n.is_active is false or t.turns >= :'bounced'::bigint
order by n.created_at desc, n.id
limit :'limit'::bigint
