-- Which rows stand twice under one id?
-- code: DATA008
-- title: {count} ids stand for several rows
-- title-one: {relation} holds {rows} rows under one id
-- severity: critical
-- group: data
-- leads: yes
-- expected: an id stands for one row
-- why: the primary key was dropped, or left out by a restore that ran twice
-- consequence: whatever changes one of them changes both or half of them, figures count them twice, and the key cannot be made again
-- help-sql: {remedy}
-- help-text: the rows differ: look at them, keep one, and make the key again
-- says: stats seem wrong; operator loses the chat
-- reads: operators, real_users, fictional_users, chats, messages, chat_assignments, platform_config
-- unplanted: it takes a table without its primary key
-- A table with a key on its ids is not read. What is the same in every column is a copy.
with keyed as materialized (
  select c.relname::text as relation
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
    join pg_attribute a on a.attrelid = c.oid and a.attname in ('id', 'key') and not a.attisdropped
    join pg_index x on x.indrelid = c.oid and x.indisunique and x.indisvalid and x.indpred is null and a.attnum = any (x.indkey::smallint[])
   where c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments', 'platform_config')
     and a.attname = case when c.relname = 'platform_config' then 'key' else 'id' end
), twice as (
  select 'operators' as relation, 'id' as named, t.id::text as id, pg_catalog.count(*) as rows, pg_catalog.count(distinct pg_catalog.to_jsonb(t)) as sorts
    from operators t where not exists (select from keyed k where k.relation = 'operators') group by t.id having pg_catalog.count(*) > 1
  union all
  select 'real_users', 'id', t.id::text, pg_catalog.count(*), pg_catalog.count(distinct pg_catalog.to_jsonb(t))
    from real_users t where not exists (select from keyed k where k.relation = 'real_users') group by t.id having pg_catalog.count(*) > 1
  union all
  select 'fictional_users', 'id', t.id::text, pg_catalog.count(*), pg_catalog.count(distinct pg_catalog.to_jsonb(t))
    from fictional_users t where not exists (select from keyed k where k.relation = 'fictional_users') group by t.id having pg_catalog.count(*) > 1
  union all
  select 'chats', 'id', t.id::text, pg_catalog.count(*), pg_catalog.count(distinct pg_catalog.to_jsonb(t))
    from chats t where not exists (select from keyed k where k.relation = 'chats') group by t.id having pg_catalog.count(*) > 1
  union all
  select 'messages', 'id', t.id::text, pg_catalog.count(*), pg_catalog.count(distinct pg_catalog.to_jsonb(t))
    from messages t where not exists (select from keyed k where k.relation = 'messages') group by t.id having pg_catalog.count(*) > 1
  union all
  select 'chat_assignments', 'id', t.id::text, pg_catalog.count(*), pg_catalog.count(distinct pg_catalog.to_jsonb(t))
    from chat_assignments t where not exists (select from keyed k where k.relation = 'chat_assignments') group by t.id having pg_catalog.count(*) > 1
  union all
  select 'platform_config', 'key', t.key::text, pg_catalog.count(*), pg_catalog.count(distinct pg_catalog.to_jsonb(t))
    from platform_config t where not exists (select from keyed k where k.relation = 'platform_config') group by t.key having pg_catalog.count(*) > 1
)
select t.relation, t.id, t.rows, case when t.relation = 'chats' then t.id::uuid end as chat_id,
       case when pg_catalog.bool_or(t.sorts = 1) over (partition by t.relation)
            then pg_catalog.format('delete from %1$I as a using %1$I as b where a.%2$I = b.%2$I and a.ctid > b.ctid and to_jsonb(a) = to_jsonb(b);', t.relation, t.named) end as remedy
  from twice t
 order by t.relation, t.sorts, t.id
