-- The lock behind which `count_refusal` (021) counts; held until the savepoint that took it is rolled back.
select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('chatops refusals ' || current_schema()::text, 0::bigint))
