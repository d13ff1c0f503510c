-- Records that a file is wholly in, and how long it took.
update chatops.migrations
   set state = 'applied', applied_at = clock_timestamp(),
       duration_ms = extract(epoch from clock_timestamp() - started_at) * 1000::numeric
 where target_schema = :'target_schema' and source = :'source' and name = :'name'
returning duration_ms;
