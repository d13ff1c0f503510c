-- The constraints that are checked at commit unless somebody says otherwise, as SET CONSTRAINTS takes them.
select string_agg(format('%I.%I', n.nspname, k.conname), ', ') as names
  from pg_constraint as k
  join pg_namespace as n on n.oid = k.connamespace
 where k.condeferrable and k.condeferred;
