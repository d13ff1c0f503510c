-- Is this database running out of transaction ids?
-- code: DB016
-- title: {used_percent} % of the transaction ids are used up
-- title-one: {used_percent} % of the transaction ids are used up
-- severity: warning
-- group: now
-- about: database
-- expected: vacuum freezes old rows long before transaction ids run out
-- why: autovacuum is off or blocked by an open transaction, a prepared one or a replication slot
-- consequence: the server stops accepting writes when they are used up
-- help-sql: vacuum (freeze, analyze);
-- says: everything is slow
-- limits: wraparound_percent
-- unplanted: it takes a billion transactions
-- limit: wraparound_percent = 50 %, 1 to 100: so much of the transaction ids is used up
select found.used_percent, found.age, found.oldest_table
  from (
    select pg_catalog.round(100.0 * greatest(pg_catalog.age(d.datfrozenxid), pg_catalog.mxid_age(d.datminmxid))::numeric / 2147483647::numeric) as used_percent,
           pg_catalog.age(d.datfrozenxid) as age,
           (select c.oid::regclass::text from pg_class c where c.relkind in ('r', 't', 'm') order by pg_catalog.age(c.relfrozenxid) desc limit 1)
             as oldest_table
      from pg_database d
     where d.datname = current_database()
  ) as found
 where found.used_percent >= :'wraparound_percent'::numeric
