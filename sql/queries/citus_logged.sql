-- What the log says of some actions, as one text: a Citus cluster does not join the log, which is the coordinator's, with chats.
-- actions: their numbers
select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(a)), '[]')::text
  from chatops.actions as a
 where a.id = any(:'actions'::bigint[])
