-- Forgets the settings of a schema that was made for a load and is gone; by itself, for on a Citus cluster they are on every node.
delete from chatops.settings where target_schema = :'schema'
