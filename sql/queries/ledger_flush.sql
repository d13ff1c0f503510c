-- Commits something, and waits for the disk as the server is set to: earlier commits of the run are durable then, too.
update chatops.runs set chatops_version = chatops_version where id = :'run_id'::uuid;
