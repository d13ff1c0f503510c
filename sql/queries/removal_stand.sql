-- Which of the files that removal leaves in place is the newest that the ledger knows, and whether it was there before chatops.
select m.name, m.state = 'adopted' as was_there
  from chatops.migrations as m
 where m.target_schema = :'schema' and m.source = 'chatops' and m.kind = 'versioned' and m.number < 18 and m.state in ('applied', 'adopted')
 order by m.number desc, m.name desc
 limit 1;
