-- Gives every deferrable constraint the mode in which a transaction begins: those that are deferred at first are so again, those
-- that came with the files before included. What waited to be checked has been by then. By the triggers that check them, of which
-- there are few: a schema of thousands of tables has as many constraints several times.
do $modes$
declare
  v_names text;
begin
  select pg_catalog.string_agg(pg_catalog.format('%I.%I', n.nspname, k.conname), ', ') into v_names
    from pg_constraint as k
    join pg_namespace as n on n.oid = k.connamespace
   where k.condeferrable and k.condeferred
     and k.oid = any (array(select t.tgconstraint from pg_trigger as t where t.tginitdeferred));
  if v_names is not null then
    execute 'set constraints ' || v_names || ' deferred';
  end if;
end
$modes$;
