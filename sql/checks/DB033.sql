-- Does the ledger say what is so?
-- code: DB033
-- title: the ledger is wrong in {count} ways
-- title-one: the ledger {trouble}
-- severity: warning
-- group: schema
-- expected: the ledger knows each file that made what is here, as which text and when it went in
-- why: its rows were deleted or changed by hand, a restore left them out, or a run ended in the middle
-- consequence: what is compared with the files is not compared, and a file runs again that is in
-- help: {mend}
-- help-sql: {remedy}
-- needs-table: chats
-- if-absent: chatops.migrations
-- says: the deploy is not right
-- unplanted: the deployed system has no ledger
-- A file that went in as another text than this version ships is compared with nothing. A run that is under way has its minutes.
with noted as materialized (
  select m.name, m.kind, m.state, m.started_at, m.applied_at
    from chatops.migrations m
   where m.target_schema = current_schema()::text collate "default" and m.source = 'chatops'
), newest as materialized (
  select pg_catalog.max(n.name) as name from noted n where n.kind = 'versioned' and n.state in ('applied', 'adopted')
)
select found.object, found.trouble, found.mend, found.remedy, found.advice
  from (
    select null::text as object, 'knows none of the files that made what is here' as trouble, 'adopt --dry-run' as mend, null::text as remedy, false as advice
      from newest n
     where not :'before_018'::boolean and coalesce(n.name, '') < '018'
    union all
    select f.name, 'does not know ' || f.name || ', though later files are in', 'adopt --dry-run', null, false
      from pg_catalog.unnest(:'shipped'::text[]) as f (name)
     cross join newest n
     where f.name >= '018' and f.name < n.name and not exists (select from noted o where o.name = f.name)
    union all
    select n.name, 'says that ' || n.name || ' stopped in the middle', 'migrate --dry-run', null, false
      from noted n
     where n.kind = 'versioned' and (n.state = 'failed' or (n.state = 'running' and n.started_at < now() - interval '10 minutes'))
    union all
    select f.name, 'knows another text of ' || f.name, 'migrate --again ' || f.name, null, false
      from pg_catalog.unnest(:'other_texts'::text[]) as f (name)
    union all
    select n.name, 'says no time that can be at which ' || n.name || ' went in', null,
           pg_catalog.format('update chatops.migrations set applied_at = case when started_at between ''2000-01-01'' and now() then started_at else now() end where target_schema = %L and source = ''chatops'' and name = %L;',
                             current_schema(), n.name), false
      from noted n
     where n.state = 'applied' and (n.applied_at is null or n.applied_at not between '2000-01-01' and now() + interval '1 day')
    union all
    select 'views', 'does not know the views that later files brought', 'migrate --dry-run', null, true
      from newest n
     where n.name >= '018' and not exists (select from noted o where o.kind = 'repeatable')
  ) as found
 order by found.advice, found.object nulls first, found.trouble
