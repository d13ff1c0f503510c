-- Which chats say otherwise than their messages when they were last written into?
select c.id as chat_id,
       case when c.last_message_at > newest.at then 'says that it was last written into later than it was'
            else 'says that it was last written into before its newest message' end as trouble,
       pg_catalog.to_jsonb(c.last_message_at) #>> '{}'::text[] as said, pg_catalog.to_jsonb(newest.at) #>> '{}'::text[] as really,
       pg_catalog.format('update chats set last_message_at = (select m.created_at from messages as m where m.chat_id = chats.id order by m.created_at desc limit 1) where id = %L;', c.id) as remedy,
       coalesce(c.last_message_at > newest.at, false) as advice
  from chats c
 cross join lateral (
   select m.created_at as at from messages m where m.chat_id = c.id order by m.created_at desc limit 1
 ) as newest
 where greatest(c.last_message_at, c.operator_replied_at, c.updated_at) >= now() - :'since'::interval
   and newest.at between '0001-01-02' and '9999-12-31'
   and coalesce(c.last_message_at, '-infinity') not between newest.at - interval '1 minute' and newest.at + interval '1 minute'
 order by coalesce(c.last_message_at > newest.at, false), c.id
