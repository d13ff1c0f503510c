-- Has a user more than one open chat with a profile, of which all but one are ended (CHAT020) before a unique key can be put back?
select exists (
  select from chats c
   where c.is_active is not false and c.real_user_id is not null and c.fictional_user_id is not null
   group by c.real_user_id, c.fictional_user_id
  having pg_catalog.count(*) > 1)
