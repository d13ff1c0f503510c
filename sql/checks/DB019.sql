-- What do others have on the chat tables, or among our names, that changes what our objects do?
-- code: DB019
-- title: {count} foreign objects change what the chat tables and functions do
-- title-one: the foreign {kind} {object} {trouble}
-- severity: warning
-- group: schema
-- expected: no rule rewrites writes of the chat tables, no trigger drops rows, each function of ours is the only one of its name
-- why: somebody tried something out, or another tool brought objects of the same name
-- consequence: messages vanish without an error, or calls by name fail as ambiguous
-- help-text: look at it, and at who made it: {statement} takes it away
-- needs-table: chats
-- says: a message was lost · the deploy is not right
-- shares: structure
-- A trigger that drops rows only sometimes is advice, and so is what nobody knows in schema chatops.
\set structure `cat sql/checks/shared/structure.sql`
with structure as materialized (:structure),
wanted as materialized (
  select w.kind, w.name, w.state, w.definition
    from pg_catalog.jsonb_to_recordset(:'expected'::jsonb) as w (kind text, name text, state text, definition jsonb)
), ours (name) as (
  values ('operators'), ('real_users'), ('fictional_users'), ('chats'), ('messages'), ('chat_assignments'), ('operator_activity'),
         ('platform_config')
), functions as materialized (
  select f.name, s.definition ->> 'arguments'::text as arguments,
         coalesce(pg_catalog.bool_or(f.definition -> 'arguments'::text ? (s.definition ->> 'arguments'::text)), false) as is_ours,
         pg_catalog.count(*) over (partition by f.name) as of_that_name,
         row_number() over (partition by f.name order by s.definition ->> 'arguments'::text) as place
    from wanted f
    join structure s on s.kind = 'function' and s.name = f.name
   where f.kind = 'function'
   group by f.name, s.definition
)
select found.kind, found.object, found.trouble, found.statement, found.advice
  from (
    select 'rule' as kind, r.name as object, 'rewrites what is written into ' || r.of as trouble,
           pg_catalog.format('drop rule %s on %s', pg_catalog.quote_ident(pg_catalog.split_part(r.name, '.', 2)), pg_catalog.quote_ident(r.of)) as statement, false as advice
      from structure r
      join ours o on o.name = r.of
     where r.kind = 'rule'
    union all
    select 'trigger', c.relname::text || '.' || t.tgname::text, 'drops rows of ' || c.relname::text,
           pg_catalog.format('drop trigger %I on %I', t.tgname, c.relname),
           p.prosrc ~* '\mreturn\s+new\M' or (t.tgtype::integer & 8 <> 0 and p.prosrc ~* '\mreturn\s+old\M')
      from pg_trigger t
      join pg_class c on c.oid = t.tgrelid
      join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
      join ours o on o.name = c.relname
      join pg_proc p on p.oid = t.tgfoid
     where not t.tgisinternal
       and t.tgenabled <> 'D'
       -- For each row, before it is written.
       and t.tgtype & 3 = 3
       -- What returns the old row takes an insert or update back, too.
       and (p.prosrc ~* '\mreturn\s+null\M'
            or (t.tgtype::integer & 8 = 0 and p.prosrc ~* '\mreturn\s+old\M' and p.prosrc !~* '\mreturn\s+new\M'))
       and not exists (select from wanted w where w.kind = 'trigger' and w.name = c.relname::text || '.' || t.tgname::text)
    union all
    select 'function', f.name || '(' || f.arguments || ')', 'has the name of ours',
           pg_catalog.format('drop function %I(%s)', f.name, f.arguments), false
      from functions f
     where f.of_that_name > 1
       and case when (select pg_catalog.bool_or(g.is_ours) from functions g where g.name = f.name) then not f.is_ours else f.place > 1 end
    union all
    select s.kind, s.name, 'is nobody''s that chatops knows', 'drop ' || s.kind || ' ' || s.name, true
      from structure s
     where s.name::text like 'chatops.%'
       and s.kind in ('table', 'view', 'function', 'sequence')
       and not exists (select from wanted w where w.kind = s.kind and w.name = s.name)
       and s.kind || ' ' || s.name <> all (:'known'::text[])
  ) as found
 order by found.advice, found.kind, found.object
