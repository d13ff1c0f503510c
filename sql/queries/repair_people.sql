-- Whom the chats and operators of a preview are called by: the user of a chat, the operator's own name.
select c.id, u.name::text as name
  from pg_catalog.unnest(:'chats'::uuid[]) as given (id)
  join chats c on c.id = given.id
  left join real_users u on u.id = c.real_user_id
union all
select o.id, o.name::text
  from pg_catalog.unnest(:'operators'::uuid[]) as given (id)
  join operators o on o.id = given.id;
