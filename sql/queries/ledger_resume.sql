-- Records that a file which stopped in the middle goes on, with its present text.
update chatops.migrations
   set state = 'running', checksum = :'checksum', statements = :'statements'::jsonb, chatops_version = :'chatops_version',
       git_revision = :'git_revision', run_id = nullif(pg_catalog.current_setting('chatops.run_id', true), '')::uuid,
       applied_by = session_user
 where target_schema = :'target_schema' and source = :'source' and name = :'name';
