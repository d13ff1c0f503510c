-- What schema chatops holds for all schemas, as one text: on a Citus cluster it is not asked together with the server's own views.
select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(s)), '[]')::text
  from chatops.settings as s
