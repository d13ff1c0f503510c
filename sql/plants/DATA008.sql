-- Plants DATA008: the settings were restored a second time, after the primary key had been dropped to let them in.
-- also: DB003
-- not-in-demo: the key is gone, and so is every further write of the settings page
alter table platform_config drop constraint if exists platform_config_pkey;
insert into platform_config (key, value) select s.key, s.value from platform_config as s where s.key = 'max_reassignments';
