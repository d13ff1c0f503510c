-- Gives every node of a Citus cluster what schema chatops has for all tenants: guards and functions use it where the chats lie.
select pg_catalog.create_reference_table('chatops.settings')
 where not exists (select from pg_catalog.pg_dist_partition as p where p.logicalrelid = 'chatops.settings'::regclass);
