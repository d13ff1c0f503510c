-- Records that a file is wholly in, and how long it took; tells that, and how long the server has been at work on the request.
update chatops.migrations
   set state = 'applied', applied_at = clock_timestamp(),
       duration_ms = extract(epoch from clock_timestamp() - started_at) * 1000
 where target_schema = :'target_schema' and source = :'source' and name = :'name'
returning concat_ws(' ', duration_ms, 1000 * extract(epoch from clock_timestamp() - statement_timestamp()));
