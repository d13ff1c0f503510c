-- What nobody but people can do about a queue: so many operators of the demo who are away come on shift.
update operators set is_available = true, last_activity = now() - interval '2 minutes'
 where id in (select o.id from operators o
               where o.is_active and not o.is_available and not exists (select from chats c where c.assigned_operator_id = o.id)
               order by o.id
               limit :'operators'::bigint)
