-- Calls the files of a folder by the name that the folder has now, where an earlier version of chatops called it by its path.
update chatops.migrations
   set source = :'after'
 where target_schema = :'target_schema' and source = :'before'
returning name;
