-- What lets chatops forget a constraint or trigger that it keeps (DB030), where it is taken away on purpose: the statement, or nothing.
select pg_catalog.format('update chatops.settings set value = value - %L::text[] where target_schema = %L and key = %L;',
                         pg_catalog.array_agg(k.key order by k.key)::text, s.target_schema, 'safety') as forget
  from chatops.settings s
 cross join lateral pg_catalog.jsonb_each(case when pg_catalog.jsonb_typeof(s.value) = 'object' then s.value else '{}' end) as k
 where s.target_schema = current_schema()
   and s.key = 'safety'
   and k.value ->> 'table'::text = :'relation'
   and (k.value -> 'is'::text ->> 'name'::text = :'name' or k.key = 'trigger ' || :'name' || ' of ' || :'relation')
 group by s.target_schema
