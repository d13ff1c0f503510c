-- Which shipped files went in as our own text (not adopted), in order, and when the newest went in, for one target schema?
select coalesce(array_agg(name order by number, name) filter (where kind = 'versioned' and state = 'applied'), '{}') as files,
       coalesce(jsonb_object_agg(name, checksum) filter (where kind = 'repeatable' and state = 'applied'), '{}') as views,
       max(applied_at) as newest_at
  from chatops.migrations
 where target_schema = :'schema' and source = 'chatops' and state in ('applied', 'adopted')
