-- Takes the present text of an edited file for the one that was applied.
update chatops.migrations
   set checksum = :'checksum', statements = :'statements'::jsonb
 where target_schema = :'target_schema' and source = :'source' and name = :'name' and checksum = :'before'
returning name;
