-- Under which other name does schema chatops stand, with the ledger, the log and the settings in it?
select n.nspname::text as schema
  from pg_namespace n
 where n.nspname <> 'chatops'
   and not exists (
     select from (values ('migrations', 'target_schema'), ('actions', 'transaction_id'), ('settings', 'target_schema')) as w (relation, name)
      where not exists (select from pg_class c
                          join pg_attribute a on a.attrelid = c.oid and a.attname = w.name and not a.attisdropped
                         where c.relnamespace = n.oid and c.relname = w.relation and c.relkind = 'r'))
 order by 1
 limit 1
