-- Which columns that the chat functions rely on have another type?
-- code: DB004
-- title: {count} columns have another type than the functions rely on
-- title-one: the column {object} is {found}, not {wanted}
-- severity: warning
-- group: schema
-- expected: ids are uuid, instants carry a time zone, flags are boolean, counters are whole numbers
-- why: the table was made by other hands than the deployed files, or was altered since
-- consequence: comparisons fail, or go wrong by the server's time zone
-- help-text: nothing automatic does; changing a type rewrites the table, so write a migration and rehearse it
-- needs-table: chats
-- says: the deploy is not right
select wanted.relation || '.' || a.attname::text as object,
       pg_catalog.format_type(a.atttypid, a.atttypmod) as found,
       wanted.family as wanted
  from (values
    ('chats', 'id', 'uuid'), ('chats', 'assigned_operator_id', 'uuid'), ('chats', 'last_operator_id', 'uuid'),
    ('chats', 'chat_state', 'text'), ('chats', 'is_active', 'boolean'), ('chats', 'message_count', 'integer'),
    ('chats', 'assignment_time', 'timestamptz'), ('chats', 'operator_replied_at', 'timestamptz'),
    ('chats', 'last_message_at', 'timestamptz'), ('chats', 'created_at', 'timestamptz'),
    ('chats', 'updated_at', 'timestamptz'),
    ('messages', 'id', 'uuid'), ('messages', 'chat_id', 'uuid'), ('messages', 'sender_type', 'text'),
    ('messages', 'handled_by_operator_id', 'uuid'), ('messages', 'created_at', 'timestamptz'),
    ('chat_assignments', 'chat_id', 'uuid'), ('chat_assignments', 'operator_id', 'uuid'),
    ('chat_assignments', 'assigned_at', 'timestamptz'), ('chat_assignments', 'released_at', 'timestamptz'),
    ('operators', 'id', 'uuid'), ('operators', 'is_active', 'boolean'), ('operators', 'is_available', 'boolean'),
    ('operators', 'last_activity', 'timestamptz'), ('operators', 'total_messages', 'integer'),
    ('operator_activity', 'chat_id', 'uuid'), ('operator_activity', 'operator_id', 'uuid'),
    ('operator_activity', 'last_activity', 'timestamptz'),
    ('platform_config', 'value', 'jsonb')
  ) as wanted (relation, name, family)
  join pg_namespace n on n.nspname = current_schema()
  join pg_class c on c.relnamespace = n.oid and c.relname = wanted.relation
  join pg_attribute a on a.attrelid = c.oid and a.attname = wanted.name and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
 where not case wanted.family
     when 'text' then t.typcategory in ('S', 'E')
     when 'integer' then t.typname in ('int2', 'int4', 'int8')
     when 'boolean' then t.typname = 'bool'
     else t.typname = wanted.family end
 order by 1
