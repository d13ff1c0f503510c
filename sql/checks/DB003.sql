-- Which objects of the applied files are missing?
-- code: DB003
-- invariant: I25
-- title: {count} objects of the applied migrations are missing
-- title-one: {told}
-- narrow: {count} objects are missing
-- narrow-one: 1 object is missing
-- severity: warning
-- critical: a message, a reply or assigning needs it
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
-- What must be there is told by sql/catalog, as far as the ledger says files are in; without a ledger 001 to 017, and of later files
-- those of which something is there. A file of which nothing is there is one row, and so is a table with all that belongs to it.
\set structure `cat sql/checks/shared/structure.sql`
\set expected_objects `cat sql/checks/shared/expected_objects.sql`
\set kept_by `cat sql/checks/shared/kept_by.sql`
with structure as materialized (:structure),
expected_objects as materialized (:expected_objects),
kept_by as materialized (:kept_by),
wanted as materialized (
  select w.kind, w.name, w.of, w.migration, w.state, w.vital, w.stops, s.kind is not null as present
    from expected_objects w
    left join (select distinct kind, name from structure) s on s.kind = w.kind and s.name = w.name
), file as (
  select w.migration, pg_catalog.bool_or(w.present) as begun, pg_catalog.bool_or(w.migration >= '018' and w.migration < '9' and w.present) as later
    from wanted w
   group by w.migration
), needed as (
  select w.*, f.begun
    from wanted w
    join file f on f.migration = w.migration
   where w.state <> 'unknown'
      or w.migration < '018'
      or f.begun
      or (w.migration = 'bookkeeping' and exists (select from file where later))
)
select found.kind, found.object, found.migration,
       case when found.migration = 'bookkeeping' then 'adopt --ledger-only'
            when found.state = 'unknown' then 'migrate --dry-run'
            else 'migrate --again ' || found.migration end as mend,
       -- Something else has its name.
       case when found.kind in ('view', 'table')
            then (select case c.relkind when 'm' then pg_catalog.format('drop materialized view %I;', c.relname)
                                        else pg_catalog.format('alter %s %I rename to %I;', case c.relkind when 'v' then 'view' else 'table' end,
                                                               c.relname, c.relname::text || '_before') end
                    from pg_class c
                    join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
                   where c.relname = found.object and c.relkind in ('m', 'r', 'p', 'f', 'v')) end as dropping,
       case when found.migration = 'bookkeeping' then found.kind || ' ' || found.object
            when found.kind = 'file' then 'what ' || found.migration || ' makes'
            when found.stops is not null then found.kind || ' ' || found.object
            else found.kind || ' ' || found.object || ' (' || found.migration || ')' end || ' is missing' || coalesce(': ' || coalesce(found.stops, k.so), '') as told,
       found.stops,
       case when found.kind = 'file' then found.object || ' was begun and not ended'
            else found.kind || ' ' || found.object || ': '
                 || coalesce(found.stops, k.so, case found.kind when 'index' then 'queries that use it go over every row'
                                                                when 'trigger' then 'what it keeps is not kept'
                                                                when 'constraint' then 'rows that it keeps out come in'
                                                                when 'sequence' then 'rows get no number'
                                                                else 'what uses it fails' end) end as so,
       k.aims,
       found.vital as critical
  from (
    select n.kind, n.name as object, n.migration, n.state, n.vital, case when n.vital then n.stops end as stops
      from needed n
     where not n.present
       and (n.begun or n.state <> 'unknown')
       and not exists (select from needed t where t.kind = 'table' and t.name = n.of and not t.present)
    union all
    select distinct 'file', n.migration, n.migration, n.state, false, null from needed n where not n.begun and n.state = 'unknown'
  ) as found
  left join lateral (
    select b.so, b.aims from kept_by b
     where found.kind in ('trigger', 'constraint', 'index')
       and (pg_catalog.split_part(found.object, '.', 2) = b.name or found.object = b.name or (b.of = '' and found.object like '%' || b.name))
     limit 1
  ) as k on true
 order by found.vital desc, found.stops is null,
          -- The first of each thing that does not work any more.
          pg_catalog.row_number() over (partition by found.stops order by found.migration <> 'bookkeeping', found.migration, found.kind <> 'table', found.kind, found.object),
           found.migration <> 'bookkeeping', found.migration, found.kind <> 'schema', found.kind <> 'table', found.kind, found.object
