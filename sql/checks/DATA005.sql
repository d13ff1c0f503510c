-- Which sequences are behind the ids that their tables hold?
-- code: DATA005
-- title: {count} sequences are behind their tables
-- title-one: the sequence {sequence} is behind {relation}: it would give {next_id}, and {newest_id} is taken
-- brief: {count} behind the newest id of a table
-- severity: critical
-- group: data
-- leads: yes
-- expected: every sequence is ahead of the ids in its table
-- why: a failover, a restore of data alone, or a cut-over of logical replication, which copies rows and no sequences
-- consequence: inserts fail with 23505 (duplicate key); in schema chatops that is every command that acts
-- help: repair DATA005 --dry-run
-- says: the deploy is not right
-- needs-table: chats
\set sequences_behind `cat sql/repairs/shared/sequences_behind.sql`
select b.sequence, b.relation, b.next_id, b.newest_id
  from (:sequences_behind) as b
 order by b.relation <> 'chatops.actions', b.relation, b.sequence
