-- Which shipped migrations are not in?
-- code: DB014
-- title: {count} shipped migrations are not in
-- title-one: the shipped migration {object} is not in
-- severity: advice
-- group: now
-- expected: every shipped file is in, where there is a ledger
-- why: the deploy stopped before them, or was told to (migrate --to)
-- consequence: what they mend goes on
-- help: migrate --dry-run
-- says: the deploy is not right
-- unplanted: the demo has it by itself, because it stops at 017
-- A database without a ledger says nothing about files: chatops status does.
select name as object
  from pg_catalog.unnest(:'shipped'::text[]) with ordinality as file (name, place)
 where :'applied'::text[] is not null
   and name <> all (:'applied'::text[])
 order by place
