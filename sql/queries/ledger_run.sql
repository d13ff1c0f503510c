-- Records the run that a file belongs to, with the first of its files.
insert into chatops.runs (id, command, chatops_version) values (:'run_id'::uuid, :'command', :'chatops_version')
on conflict (id) do nothing;
