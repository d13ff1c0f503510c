-- Gives every node of a Citus cluster the settings of schema chatops: guards and functions read them where the chats lie.
select pg_catalog.create_reference_table('chatops.settings');
