-- Which chats were perhaps meant by an id or a name that is not there?
-- lows, highs: the ranges of ids that are one character from it; names: the users' names that are; most: so many
(
  select c.id
    from unnest(:'lows'::uuid[], :'highs'::uuid[]) as near(low, high)
    join chats c on c.id between near.low and near.high
   limit :'most'::int
)
union
(
  select c.id
    from real_users u
    join chats c on c.real_user_id = u.id
   where u.name::text = any (:'names'::text[])
   limit :'most'::int
)
limit :'most'::int
