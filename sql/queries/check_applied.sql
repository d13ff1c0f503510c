-- Which of the shipped files the ledger says are in, for one target schema.
select coalesce(array_agg(name order by number, name), '{}') as names
  from chatops.migrations
 where target_schema = :'schema' and source = 'chatops' and kind = 'versioned' and state in ('applied', 'adopted')
