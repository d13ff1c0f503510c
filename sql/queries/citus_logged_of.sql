-- What the log says of the repairs of one finding in the last day, as one text, for a Citus cluster as `citus_logged.sql`.
-- code
select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(a)), '[]')::text
  from chatops.actions as a
 where a.code = :'code' and a.at > statement_timestamp() - interval '1 day'
