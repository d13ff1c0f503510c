-- Records how many statements of a file are finished, and how many further rows they changed.
update chatops.migrations
   set steps_done = :'steps_done'::integer, state = :'state', rows_changed = coalesce(rows_changed, 0) + :'rows'::bigint
 where target_schema = :'target_schema' and source = :'source' and name = :'name';
