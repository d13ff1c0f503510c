-- Which objects of the applied files are missing?
-- code: DB003
-- invariant: I25
-- title: {count} objects of the applied migrations are missing
-- title-one: {told}
-- narrow: {count} objects are missing
-- narrow-one: 1 object is missing
-- severity: warning
-- critical: a message, a reply or assigning needs it
-- advice: nothing is lost by it
-- group: schema
-- expected: the objects of every applied file exist
-- why: a file was applied in part by hand, a restore left a schema out, or somebody dropped the object since
-- consequence: what relies on it fails, or goes over every row; the finding says what for each
-- help: {mend}
-- help-sql: {remedy}
-- help-text: what came of it meanwhile: `diagnose {aims}`
-- says: the deploy is not right
-- shares: structure, expected_objects, kept_by
-- avoids: mergejoin
-- What must be there is told by sql/catalog, as far as the ledger says files are in; without a ledger, up to the newest file of which
-- something is there: what is later is pending. A file of which nothing is there is one row, and so is a table with all that belongs to it.
\set structure `cat sql/checks/shared/structure.sql`
\set expected_objects `cat sql/checks/shared/expected_objects.sql`
\set kept_by `cat sql/checks/shared/kept_by.sql`
with structure as materialized (:structure),
expected_objects as materialized (:expected_objects),
kept_by as materialized (:kept_by),
wanted as materialized (
  select w.kind, w.name, w.of, w.migration, w.state, w.vital, w.stops,
         -- A key of the application's own has any name, and may hold more columns.
         s.kind is not null
         or (w.kind = 'constraint' and w.migration = '001_chat_core' and w.state <> 'applied'
             and exists (select from pg_index x
                          where x.indrelid = pg_catalog.to_regclass(pg_catalog.quote_ident(current_schema()) || '.' || w.of)::oid
                            and x.indisunique and x.indisvalid
                            and not exists (select from pg_catalog.regexp_split_to_table(w.definition -> 'columns'::text ->> 0, ', ') as k (name)
                                             where not exists (select from pg_attribute a
                                                                where a.attrelid = x.indrelid and a.attname = k.name
                                                                  and a.attnum = any (x.indkey::smallint[]))))) as present
    from expected_objects w
    left join (select distinct kind, name from structure) s on s.kind = w.kind and s.name = w.name
), file as (
  -- What stands in schema chatops may be there for another tenant: it begins nothing but the bookkeeping.
  select w.migration, pg_catalog.bool_or(w.present and (w.migration = 'bookkeeping' or w.name not like 'chatops.%')) as begun
    from wanted w
   group by w.migration
), reached as (
  select pg_catalog.max(f.migration) as newest from file f where f.begun and f.migration < '9'
), needed as (
  select w.kind, w.name, w.of, w.migration, w.state, w.present, f.begun, w.stops, r.newest,
         -- The clocks and the bookkeeping are needed by the functions of 021 and later: before, nothing asks for them.
         w.vital and (w.state <> 'unknown' or w.migration < '018' or r.newest >= '021') as vital
    from wanted w
    join file f on f.migration = w.migration
   cross join reached r
   where w.state <> 'unknown'
      or f.begun
      or w.migration < r.newest
      or (r.newest is null and w.migration < '018')
      or (w.migration = 'bookkeeping' and r.newest >= '018')
)
select found.kind, found.object, found.migration,
       -- Ledger and files at once, where nobody waits for the tables alone.
       case when found.migration = 'bookkeeping' and (found.kind <> 'file' or found.vital) then 'adopt --ledger-only'
            when found.state = 'unknown' then case when found.reached is null then 'migrate --dry-run' else 'adopt --dry-run' end
            else 'migrate --again ' || found.migration end as mend,
       -- Something else has its name.
       case when found.kind in ('view', 'table')
            then (select case c.relkind when 'm' then pg_catalog.format('drop materialized view %I;', c.relname)
                                        else pg_catalog.format('alter %s %I rename to %I;', case c.relkind when 'v' then 'view' else 'table' end,
                                                               c.relname, c.relname::text || '_before') end
                    from pg_class c
                    join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
                   where c.relname = found.object and c.relkind in ('m', 'r', 'p', 'f', 'v')) end as dropping,
       case when found.migration = 'bookkeeping' then case when found.kind = 'file' then 'the ledger, with all of schema chatops,' else found.kind || ' ' || found.object end
            when found.kind = 'file' then 'all of ' || found.migration
            when found.stops is not null then found.kind || ' ' || found.object
            else found.kind || ' ' || found.object || ' (' || found.migration || ')' end || ' is missing' || coalesce(': ' || coalesce(found.stops, idle.so, k.so), '') as told,
       found.stops,
       case when found.kind = 'file'
            then coalesce(found.stops, case when found.migration = 'bookkeeping' then 'nothing says which files are in, and commands that act refuse'
                                            else found.object || ' was left out, though later files are in, at least in part' end)
            else found.kind || ' ' || found.object || ': '
                 || coalesce(found.stops, idle.so, k.so, case found.kind when 'index' then 'queries that use it go over every row'
                                                                when 'trigger' then 'what it keeps is not kept'
                                                                when 'constraint' then 'rows that it keeps out come in'
                                                                when 'sequence' then 'rows get no number'
                                                                else 'what uses it fails' end) end as so,
       case when idle.so is null then k.aims end as aims,
       found.vital as critical, idle.so is not null as advice
  from (
    select n.kind, n.name as object, n.migration, n.state, n.newest as reached, n.vital, case when n.vital then n.stops end as stops
      from needed n
     where not n.present
       and (n.begun or n.state <> 'unknown')
       and not exists (select from needed t where t.kind = 'table' and t.name = n.of and not t.present)
    union all
    -- Of what stops, the last by the alphabet weighs most: nobody can be given a chat.
    select 'file', n.migration, n.migration, n.state, n.newest, pg_catalog.bool_or(n.vital), pg_catalog.max(n.stops) filter (where n.vital)
      from needed n
     where not n.begun and n.state = 'unknown'
     group by n.migration, n.state, n.newest
    union all
    -- The application's own trigger may have any name; where none counts at all, ours of 001 is what is missing.
    select 'trigger', 'messages.update_chat_on_message', '001_chat_core', 'adopted', r.newest, false, null
      from reached r
     where exists (select from structure s where s.kind = 'function' and s.name = 'update_chat_on_message')
       and exists (select from structure s where s.kind = 'column' and s.name = 'chats.message_count')
       -- From 022 on another one counts.
       and not exists (select from structure s where s.kind = 'function' and s.name = 'apply_message')
       and not exists (select from needed n where n.name = 'messages.update_chat_on_message' or (n.kind = 'table' and n.name in ('messages', 'chats') and not n.present))
       and not exists (select from pg_trigger g join pg_proc p on p.oid = g.tgfoid
                        where g.tgrelid = pg_catalog.to_regclass(pg_catalog.quote_ident(current_schema()) || '.messages')::oid and not g.tgisinternal
                          and p.prosrc ~* '\m(message_count|last_message_at)\M')
  ) as found
  left join lateral (
    select b.so, b.aims from kept_by b
     where found.kind in ('trigger', 'constraint', 'index')
       and ((pg_catalog.split_part(found.object, '.', 2) = b.name and (b.of = '' or pg_catalog.split_part(found.object, '.', 1) = b.of)) or found.object = b.name or (b.of = '' and found.object like '%' || b.name))
     limit 1
  ) as k on true
  left join lateral (
    select 'nothing is lost by it, for its function does nothing any more' as so
     where found.kind = 'trigger' and found.object = 'messages.update_chat_on_message'
       and exists (select from structure s where s.kind = 'function' and s.name = 'apply_message')
  ) as idle on true
 order by found.vital desc, found.stops is null,
          -- The first of each thing that does not work any more.
          pg_catalog.row_number() over (partition by found.stops order by found.migration <> 'bookkeeping', found.migration, found.kind <> 'table', found.kind, found.object),
           found.migration <> 'bookkeeping', found.migration, found.kind <> 'schema', found.kind <> 'table', found.kind, found.object
