-- What a schema's functions are told by settings: those of its application, and those of schema chatops.
select 'platform_config' as in_table, c.key, c.value::text as value, null::timestamptz as until from platform_config as c
union all
select 'chatops.settings', s.key, s.value::text, s.until from chatops.settings as s where s.target_schema = :'schema'
