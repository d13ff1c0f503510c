-- Forgets a schema that was made for a load and is gone: its ledger and its log.
with actions as (
  delete from chatops.actions where target_schema = :'schema'
)
delete from chatops.migrations where target_schema = :'schema'
