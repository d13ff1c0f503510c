-- How many rows does a check find, and which are the first? The check's query stands in front as the CTE `offending`.
select pg_catalog.count(*)::int as found, coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(o) - 'place') filter (where o.place <= 3), '[]') as rows
  from (select row_number() over () as place, offending.* from offending) as o
