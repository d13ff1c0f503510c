-- When the holder of a chat was last seen there. A clock ahead of ours says nothing; it is a finding of its own. c: the chat; o: who holds it
greatest(
  case when c.assignment_time <= pg_catalog.now() + interval '1 minute' then c.assignment_time end,
  case when o.last_activity <= pg_catalog.now() + interval '1 minute' then o.last_activity end,
  (select pg_catalog.max(a.last_activity) from operator_activity a
    where a.chat_id = c.id and a.operator_id = c.assigned_operator_id
      and a.last_activity <= pg_catalog.now() + interval '1 minute'))
