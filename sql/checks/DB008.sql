-- Does the view chat_state_summary have its published columns, in their order?
-- code: DB008
-- title: {count} published views have other columns
-- title-one: the view {object} has other columns
-- severity: warning
-- group: schema
-- expected: the view chat_state_summary begins with its published columns
-- why: the view was dropped and made again by other hands
-- consequence: whoever reads it by position or name fails
-- help: {mend}
-- help-sql: {remedy}
-- needs-table: chats
-- says: the deploy is not right
select c.relname as object,
       pg_catalog.array_to_string((pg_catalog.array_agg(a.attname order by a.attnum))[1:6], ', ') as found,
       'chat_state, count, with_operator, has_last_operator, oldest_chat, newest_chat' as wanted,
       pg_catalog.format('drop %s %I;', case c.relkind when 'v' then 'view' else 'materialized view' end, c.relname) as dropping
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where n.nspname = current_schema()
   and c.relname = 'chat_state_summary'
   and c.relkind in ('v', 'm')
 group by c.relname, c.relkind
having (pg_catalog.array_agg(a.attname::text order by a.attnum))[1:6]
       operator(pg_catalog.<>) array['chat_state', 'count', 'with_operator', 'has_last_operator', 'oldest_chat', 'newest_chat']
