-- How many chats that wait does a function that picks by another column than the wait take before one of them?
-- chat: its id; by: the column of chats that decides; newest_first. Empty chats count: such a function picks them, too.
with waiting as (
  select c.id, (pg_catalog.to_jsonb(c) ->> :'by'::text)::timestamptz as clock
    from chats c
   where c.chat_state::text = 'waiting_assignment'
     and c.is_active
)
select pg_catalog.count(*) filter (where case when :'newest_first'::boolean then (w.clock, w.id) > (o.clock, o.id)
                                              else (w.clock, w.id) < (o.clock, o.id) end) as ahead
  from waiting w
  join waiting o on o.id = :'chat'::uuid
