-- Does the ledger say what is so?
-- code: DB033
-- title: the ledger is wrong, or lacks something, in {count} ways
-- title-one: the ledger {trouble}
-- severity: warning
-- advice: the files are known, and only views or notes are not
-- group: schema
-- expected: the ledger knows each file that made what is here, as which text and when it went in
-- why: nothing has noted it yet, a restore left it out, somebody changed rows by hand, or a run ended in the middle
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
select found.object, found.trouble, found.mend, found.remedy, found.advice,
       case when found.trouble like 'says that %' then 'a run ended in the middle'
            when found.trouble ~ '^(knows another text|says no time)' then 'somebody changed the row by hand'
            when found.advice then 'nothing has noted it yet, or a restore left it out'
            else 'a restore left the rows out, or somebody deleted them' end as because,
       case when found.trouble like 'says that %' then 'what that file makes is here in part, and files after it do not go in'
            when found.trouble like 'knows another text %' then 'what is here is compared with another file than this one'
            when found.trouble like 'says no time %' then 'nothing can be dated by this file'
            when found.mend = 'adopt --dry-run' then 'what is here is not compared with its file, which would run once more'
            else 'what is here is compared with nothing' end as so
  from (
    select null::text as object, 'knows none of the files that made what is here' as trouble, 'adopt --dry-run' as mend, null::text as remedy, false as advice
      from newest n
     where coalesce(n.name, '') < '018'
       and exists (select from pg_attribute a
                    where a.attrelid = pg_catalog.to_regclass('chats')::oid and a.attname = 'waiting_since' and not a.attisdropped)
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
    select f.name, 'knows another text of ' || f.name, 'adopt --edited ' || f.name, null, false
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
     -- They go in behind the newest file.
     where n.name = (select pg_catalog.max(f.name) from pg_catalog.unnest(:'shipped'::text[]) as f (name))
       and not exists (select from noted o where o.kind = 'repeatable')
    union all
    -- What is not kept is not missed when it goes: DB030 and DB034 have nothing to compare with.
    select 'what protects the tables', 'does not note how rights, policies and keys of the chat tables are, so a later look cannot tell if one is lost', 'monitor --once --store', null, true
      from newest n
     where n.name >= '018' and not exists (select from chatops.settings s where s.target_schema = current_schema() and s.key = 'safety')
    union all
    select 'functions of adopted files', 'does not note how the functions of adopted files are, so a later look cannot tell if one is replaced', null,
           'insert into chatops.settings (target_schema, key, value, reason) select n.nspname, ''functions'', pg_catalog.jsonb_object_agg(p.oid::regprocedure::text, pg_catalog.md5(pg_catalog.replace(p.prosrc, pg_catalog.chr(13) || pg_catalog.chr(10), pg_catalog.chr(10)))), ''the functions of adopted files: DB034 tells which do something else since'' from pg_namespace as n join pg_proc as p on p.pronamespace = n.oid and p.prokind = ''f'' where n.nspname = current_schema() and not exists (select from pg_depend as e where e.classid = ''pg_proc''::regclass and e.objid = p.oid and e.deptype = ''e'') group by n.nspname;', true
     where exists (select from noted o where o.state = 'adopted' and o.kind = 'versioned')
       and not exists (select from chatops.settings s where s.target_schema = current_schema() and s.key = 'functions')
  ) as found
 -- What the ledger does not know is noted before it is gone on with.
 order by found.advice, coalesce(found.mend like 'migrate%', false), found.object nulls first, found.trouble
