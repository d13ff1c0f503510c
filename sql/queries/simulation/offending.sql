-- How many rows does a check find, and which are the first? The check's query stands in front as the CTE `offending`.
select count(*)::int as found, coalesce(jsonb_agg(to_jsonb(o) - 'place') filter (where o.place <= 3), '[]') as rows
  from (select row_number() over () as place, offending.* from offending) as o
