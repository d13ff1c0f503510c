-- Which of the shipped files and views the ledger says are in, for one target schema, and since when new damage is stopped.
select coalesce(pg_catalog.array_agg(name order by number, name) filter (where kind = 'versioned'), '{}') as files,
       coalesce(pg_catalog.array_agg(name order by name) filter (where kind = 'repeatable'), '{}') as views,
       pg_catalog.max(applied_at) filter (where name = :'guards') as guarded_at
  from chatops.migrations
 where target_schema = :'schema' and source = 'chatops' and state in ('applied', 'adopted')
