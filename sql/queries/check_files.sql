-- Which shipped files went in, in order, with the checksum where it was our own text, and when the newest did, for one target schema;
-- and was any ever noted? An adopted file went in before, nobody knows when.
select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(name, case when state = 'applied' then checksum end) order by number, name)
                filter (where kind = 'versioned' and state in ('applied', 'adopted')), '[]') as files,
       coalesce(pg_catalog.jsonb_object_agg(name, checksum) filter (where kind = 'repeatable' and state = 'applied'), '{}') as views,
       pg_catalog.max(applied_at) filter (where state = 'applied') as newest_at, pg_catalog.count(*) > 0 as noted
  from chatops.migrations
 where target_schema = :'schema' and source = 'chatops'
