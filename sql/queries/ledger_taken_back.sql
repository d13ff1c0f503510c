-- Takes a file whose whole effect is taken back out of the ledger; the log keeps what the ledger knew of it.
with forgotten as (
  delete from chatops.migrations as m
   where m.target_schema = :'target_schema' and m.source = :'source' and m.name = :'name' and m.checksum = :'before'
  returning m.name, pg_catalog.to_jsonb(m) as known
)
insert into chatops.actions (target_schema, command, action, row_id, before, reason)
select :'target_schema', 'migrate --back', 'back', f.name, f.known, 'by the SQL that it wrote'
  from forgotten as f;
