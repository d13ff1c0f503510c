-- Stands in for the log during one transaction: of --no-audit, on a database without schema chatops, and of a repair that is tried.
create temporary table chatops_actions (
  id             bigint generated always as identity,
  at             timestamptz not null default clock_timestamp(),
  action         text,
  code           text,
  chat_id        uuid,
  operator_id    uuid,
  row_id         text,
  before         jsonb,
  after          jsonb,
  transaction_id xid8 default pg_current_xact_id()
) on commit drop
