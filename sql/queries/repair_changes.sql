-- What the repair that runs in this very transaction has changed, each row with before and after.
-- chatops.newest_action: the newest action from before the repair; rows: how many to show.
select id, code, chat_id, operator_id, row_id, before, after
  from chatops.actions
 where id > coalesce(nullif(pg_catalog.current_setting('chatops.newest_action', true), ''), '0')::bigint and transaction_id = pg_current_xact_id() and action = 'repair'
 order by (row_id is not null), id
 limit :'rows'::bigint
