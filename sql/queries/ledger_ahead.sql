-- Which of our files are in that this chatops does not have, though they are later than its last? The newest first.
select m.name, m.chatops_version
  from chatops.migrations as m
 where m.target_schema = :'schema' and m.source = 'chatops' and m.kind = 'versioned' and m.state <> 'failed'
   and m.name > :'newest'::text
   and m.name ~ '^[0-9]{3}_'
 order by m.name desc
 limit 10
