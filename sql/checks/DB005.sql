-- Which constraints on the chat tables are not validated?
-- code: DB005
-- title: {count} constraints on the chat tables are not validated or not enforced
-- title-one: the constraint {object} on {relation} is not {lacking}
-- severity: warning
-- group: schema
-- expected: every constraint on the chat tables is validated and enforced
-- why: it was added NOT VALID and the VALIDATE that belongs to it did not run, or failed on existing rows;
--   or somebody made it NOT ENFORCED for an import
-- consequence: rows from before may break it, and any later update of such a row fails
-- help-sql: {remedy}
-- needs-table: chats
-- shares: chat_tables
-- avoids: mergejoin
-- says: the deploy is not right
-- What is not enforced cannot be validated: that is made anew, a foreign key is switched on again.
\set chat_tables `cat sql/checks/shared/chat_tables.sql`
with chat_tables as materialized (:chat_tables)
select c.name as relation, k.conname as object, d.definition, d.lacking,
       pg_catalog.format(case when d.lacking = 'validated' then 'alter table %1$s validate constraint %2$I;'
                              when k.contype = 'f' then 'alter table %1$s alter constraint %2$I enforced;'
                              else 'alter table %1$s drop constraint %2$I, add constraint %2$I %3$s;' end,
                         c.name, k.conname, pg_catalog.replace(d.definition, ' NOT ENFORCED', '')) as remedy,
       case when pg_catalog.current_setting('track_commit_timestamp')::boolean then pg_catalog.pg_xact_commit_timestamp(k.xmin) end as changed_at,
       case d.lacking when 'validated' then 'it was added NOT VALID, and the VALIDATE that belongs to it did not run, or failed on existing rows'
                      else 'somebody made it NOT ENFORCED, as for an import' end as because,
       case d.lacking when 'validated' then 'rows from before may break it, and any later update of such a row fails'
                      else 'nothing is checked: rows that break it get in' end as so
  from chat_tables c
  join pg_constraint k on k.conrelid = c.oid and k.conparentid = 0::oid
 cross join lateral (
   select found.text as definition, case when found.text like '% NOT ENFORCED' then 'enforced' else 'validated' end as lacking
     from (select pg_catalog.pg_get_constraintdef(k.oid) as text) as found
 ) as d
 where not k.convalidated
   -- A partition's own is that of its table.
   and (k.conislocal or not c.relispartition)
 order by c.name, k.conname
