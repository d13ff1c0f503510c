-- Before 018 no wait is noted with an assignment.
null::double precision as wait_p50_seconds, null::double precision as wait_p95_seconds, 0::bigint as waits_known
