-- Who did what, when, why and with which outcome, the newest first, where there are no chat tables? As log.sql, without names.
\set log `cat sql/queries/log.sql`
with operators as (select null::uuid as id, null::text as name where false)
:log
