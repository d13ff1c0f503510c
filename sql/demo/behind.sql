-- How long ago did the last thing happen in the demo? Heartbeats do not count: a client's clock may be ahead.
select now() - greatest(
  (select max(created_at) from messages where created_at <= now()),
  (select max(assigned_at) from chat_assignments where assigned_at <= now()),
  (select max(released_at) from chat_assignments where released_at <= now())
) as behind
