-- Which tables hold several rows under one id?
-- code: DATA008
-- title: {count} tables hold several rows under one id
-- title-one: {relation} holds several rows under each of {ids} ids
-- brief: {count} with rows twice under one id
-- severity: critical
-- group: data
-- leads: yes
-- expected: an id stands for one row
-- why: the primary key was dropped, or left out by a restore that ran twice
-- consequence: whatever changes one of them changes both or half of them, figures count them twice, and the key cannot be made again
-- help-sql: {remedy}
-- help-text: of rows that differ a person decides which one stays: look at them; then make the key again
-- says: stats seem wrong; operator loses the chat
-- reads: operators, real_users, fictional_users, chats, messages, chat_assignments, platform_config
-- shares: chat_tables
-- avoids: mergejoin
-- A table with a key on its ids is not read; one without is asked as a query by ts_stat, which reads its text: each word that it gives
-- back tells how many ids, of how many of them the rows are copies, or an id. What is the same in every column is a copy.
\set chat_tables `cat sql/checks/shared/chat_tables.sql`
with chat_tables as materialized (:chat_tables),
without_key as materialized (
  select c.relname::text as relation, c.name, pg_catalog.quote_ident(a.attname) as id
    from chat_tables c
    join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
                       and a.attname = case when c.relname = 'platform_config' then 'key' else 'id' end
   where not c.relispartition
     and case when c.ours then pg_catalog.has_schema_privilege('chatops', 'usage') else true end
     and pg_catalog.has_table_privilege(c.oid, 'select')
     and not exists (select from pg_index x
                      where x.indrelid = c.oid and x.indisunique and x.indisvalid and x.indpred is null
                        and a.attnum = any (x.indkey::smallint[]))
), told as materialized (
  select w.relation, w.name, w.id, s.word
    from without_key w
   cross join lateral pg_catalog.ts_stat(pg_catalog.format(
     'select pg_catalog.array_to_tsvector(array[pg_catalog.concat(''ids='', pg_catalog.count(*)), pg_catalog.concat(''copies='', pg_catalog.count(*) filter (where t.sorts = 1))]'
     ' operator(pg_catalog.||) (pg_catalog.array_agg(pg_catalog.concat(''id='', pg_catalog.left(t.id, 200)) order by t.id))[1:20])'
     ' from (select r.%1$s::text as id, pg_catalog.count(distinct pg_catalog.to_jsonb(r)) as sorts from %2$s as r'
     ' where r.%1$s is not null group by r.%1$s having pg_catalog.count(*) > 1) as t having pg_catalog.count(*) > 0', w.id, w.name)) as s
)
select t.relation, pg_catalog.max(pg_catalog.substr(t.word, 5)::bigint) filter (where t.word like 'ids=%') as ids,
       pg_catalog.array_agg(pg_catalog.substr(t.word, 4) order by t.word) filter (where t.word like 'id=%') as such_as,
       case when pg_catalog.bool_or(t.word like 'copies=%' and t.word <> 'copies=0')
            then pg_catalog.format('delete from %1$s as a using %1$s as b where a.%2$s = b.%2$s and a.ctid > b.ctid and to_jsonb(a) = to_jsonb(b);', t.name, t.id) end as remedy
  from told t
 group by t.relation, t.name, t.id
 order by t.relation
