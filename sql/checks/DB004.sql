-- Which columns are not as the chat functions and the application need them?
-- code: DB004
-- title: {count} columns are not as the functions and the application need them
-- title-one: {object} {trouble}
-- narrow: {count} columns are not as functions need them
-- narrow-one: 1 column is not as functions need it
-- severity: warning
-- critical: rows that messages, replies and assigning write are refused
-- advice: times keep fewer than six digits, or a column of the application's own needs a value, and nothing else is found
-- group: schema
-- expected: ids are uuid, instants carry a time zone, flags are boolean, counters are whole numbers, and each takes what is written
-- why: the table was made by other hands than the deployed files, or was altered since
-- consequence: comparisons fail or go wrong by the server's time zone, or every write that leaves the column out is refused
-- help-sql: {remedy}
-- help-text: about a changed type a person decides, for to change it rewrites the table: write a migration for it, and look at its locks with `rehearse`
-- needs-table: chats
-- says: the deploy is not right; nobody answers
-- A text must take at least so many characters; into some columns a release, or the message of a user, writes null.
-- Instants that keep fewer than six digits are advice: two messages of one moment lose their order.
with wanted (relation, name, family, least, always_null) as (
  values
    ('chats', 'id', 'uuid', 0, false), ('chats', 'real_user_id', 'uuid', 0, false), ('chats', 'fictional_user_id', 'uuid', 0, false),
    ('chats', 'assigned_operator_id', 'uuid', 0, true), ('chats', 'last_operator_id', 'uuid', 0, false),
    ('chats', 'chat_state', 'text', 23, false), ('chats', 'is_active', 'boolean', 0, false),
    ('chats', 'message_count', 'integer', 0, false), ('chats', 'assignment_time', 'timestamptz', 0, true),
    ('chats', 'operator_replied_at', 'timestamptz', 0, false), ('chats', 'last_message_at', 'timestamptz', 0, false),
    ('chats', 'created_at', 'timestamptz', 0, false), ('chats', 'updated_at', 'timestamptz', 0, false),
    ('messages', 'id', 'uuid', 0, false), ('messages', 'chat_id', 'uuid', 0, false), ('messages', 'sender_type', 'text', 9, false),
    ('messages', 'content', 'text', 20, false), ('messages', 'handled_by_operator_id', 'uuid', 0, true),
    ('messages', 'is_free_message', 'boolean', 0, false), ('messages', 'created_at', 'timestamptz', 0, false),
    ('messages', 'delivered_at', 'timestamptz', 0, false), ('messages', 'read_at', 'timestamptz', 0, false),
    ('chat_assignments', 'chat_id', 'uuid', 0, false), ('chat_assignments', 'operator_id', 'uuid', 0, false),
    ('chat_assignments', 'assigned_at', 'timestamptz', 0, false), ('chat_assignments', 'released_at', 'timestamptz', 0, true),
    ('chat_assignments', 'release_reason', 'text', 32, false),
    ('operators', 'id', 'uuid', 0, false), ('operators', 'is_active', 'boolean', 0, false), ('operators', 'is_available', 'boolean', 0, false),
    ('operators', 'last_activity', 'timestamptz', 0, false), ('operators', 'total_messages', 'integer', 0, false),
    ('real_users', 'id', 'uuid', 0, false), ('fictional_users', 'id', 'uuid', 0, false),
    ('operator_activity', 'chat_id', 'uuid', 0, false), ('operator_activity', 'operator_id', 'uuid', 0, false),
    ('operator_activity', 'last_activity', 'timestamptz', 0, false), ('operator_activity', 'updated_at', 'timestamptz', 0, false),
    ('platform_config', 'key', 'text', 20, false), ('platform_config', 'value', 'jsonb', 0, false)
), labels (relation, name, label) as (
  values ('chats', 'chat_state', 'waiting_assignment'), ('chats', 'chat_state', 'assigned'),
         ('chats', 'chat_state', 'waiting_real_user_reply'), ('chats', 'chat_state', 'completed'),
         ('messages', 'sender_type', 'real'), ('messages', 'sender_type', 'fictional')
), filled (relation, name, of_functions) as (
  -- What is written where a row begins: of_functions, by our functions; the rest by the application, which fills its own columns.
  values ('chat_assignments', 'chat_id', true), ('chat_assignments', 'operator_id', true), ('chat_assignments', 'assigned_at', true),
         ('chat_assignments', 'waiting_since', true), ('chat_assignments', 'queued_since', true),
         ('operator_activity', 'chat_id', true), ('operator_activity', 'operator_id', true),
         ('operator_activity', 'last_activity', true), ('operator_activity', 'updated_at', true),
         ('messages', 'id', false), ('messages', 'chat_id', false), ('messages', 'sender_type', false), ('messages', 'content', false),
         ('messages', 'created_at', false)
), columns as materialized (
  select c.oid as table_oid, a.attnum, c.relname::text as relation, a.attname::text as name, a.attnotnull, a.attgenerated, a.attidentity, a.atttypmod, t.typname, t.typcategory,
         t.oid as type_id, pg_catalog.format_type(a.atttypid, a.atttypmod) as type_text, a.atthasdef,
         'column ' || c.relname::text || '.' || a.attname::text as object,
         pg_catalog.format('alter table %I alter column %I ', c.relname, a.attname) as altering
    from pg_namespace n
    join pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'p')
     and c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments', 'operator_activity',
                       'platform_config')
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
   where n.nspname = current_schema()
)
select found.object, found.trouble,
       case when found.trouble ~ ', not text: ' then 'nothing after it goes in: migrate stops there'
            when found.trouble like 'is timestamp without time zone, not %' then 'times are off by the server''s time zone, and comparisons go wrong'
            when found.trouble ~ '^is .*, not ' then 'what compares it, or works on it, fails or goes wrong'
            when found.trouble ~ ' (is|are) written$' then 'a longer one is refused (22001), and what is written with it'
            when found.trouble like 'does not know %' then 'a write of one of these is refused (22P02)'
            when found.trouble like '%times of one moment become the same' then 'which of two came first is not known any more: a message may count as answered, or a reply as none'
            when found.trouble like '%null is written into it' then 'each such write is refused (23502): chats are not given back or answered'
            when found.trouble like 'is made by the server,%' then 'each write that gives it a value is refused (428C9)'
            when found.trouble like '%assigning a chat leaves it out' then 'no chat is assigned: the row of its turn is refused (23502)'
            when found.trouble like '%a message leaves it out' then 'no message is stored: each is refused (23502)'
            when found.trouble ~ 'a new chat (leaves it out|needs it)$' then 'no new chat begins where it is left out (23502)'
            when found.trouble like '% needs it' then 'nobody can be added where it is left out (23502)'
            when found.trouble like 'begins as %' then 'a new chat comes into no queue'
            when found.trouble like 'is not unique:%' then 'no chat is assigned: the row of the heartbeat is refused (42P10)' end as so,
       pg_catalog.string_agg(found.remedy, ' ') over () as remedy, found.stops and not found.advice as critical, found.advice
  from (
    select c.object, pg_catalog.format('is %s, not %s', c.type_text, w.family) as trouble, null::text as remedy, false as advice, false as stops
      from columns c
      join wanted w on w.relation = c.relation and w.name = c.name
     where not case w.family
             when 'text' then c.typcategory in ('S', 'E') or c.name in ('chat_state', 'sender_type', 'release_reason')
             when 'integer' then c.typname in ('int2', 'int4', 'int8')
             when 'boolean' then c.typname = 'bool'
             else c.typname = w.family end
    union all
    -- An enumeration, say, serves the application well, and takes nothing that is a text: it is told before 018 refuses it.
    select c.object, pg_catalog.format('is %s, not text: migration 018 refuses it', c.type_text), null,
           :'before_018'::boolean and c.typcategory = 'E', false
      from columns c
     where (c.relation, c.name) in (values ('chats', 'chat_state'), ('messages', 'sender_type'), ('chat_assignments', 'release_reason'))
       and c.typcategory <> 'S'
    union all
    select c.object, pg_catalog.format('is %s: %s written', c.type_text, case w.least when 1 then 'a character is' else w.least::text || ' characters are' end), null, false, c.relation in ('chats', 'messages', 'chat_assignments', 'operator_activity', 'operators')
      from columns c
      join wanted w on w.relation = c.relation and w.name = c.name and w.family = 'text'
     where c.typname in ('varchar', 'bpchar') and c.atttypmod - 4 between 0 and w.least - 1
    union all
    select c.object, 'does not know ' || pg_catalog.string_agg(l.label, ', ' order by l.label),
           pg_catalog.string_agg(pg_catalog.format('alter type %s add value %L;', c.type_id::regtype, l.label), ' ' order by l.label), false, true
      from columns c
      join labels l on l.relation = c.relation and l.name = c.name
     where c.typcategory = 'E'
       and not exists (select from pg_enum e where e.enumtypid = c.type_id and e.enumlabel = l.label)
     group by c.object
    union all
    select c.object, pg_catalog.format('is %s: times of one moment become the same', c.type_text), null, true, false
      from columns c
      join wanted w on w.relation = c.relation and w.name = c.name and w.family = 'timestamptz'
     where c.typname = 'timestamptz' and c.atttypmod between 0 and 5
    union all
    select c.object, 'may not be null, and null is written into it', c.altering || 'drop not null;', false, true
      from columns c
      join wanted w on w.relation = c.relation and w.name = c.name
     where w.always_null and c.attnotnull
    union all
    select c.object, 'is made by the server, and writes of it are refused',
           case when c.attidentity <> '' then c.altering || 'drop identity;' when c.attgenerated = 's' then c.altering || 'drop expression;' end, false, c.relation in ('chats', 'messages', 'chat_assignments', 'operator_activity', 'operators')
      from columns c
     where (c.attgenerated <> '' or c.attidentity = 'a')
       and (exists (select from wanted w where w.relation = c.relation and w.name = c.name)
            or exists (select from filled f where f.relation = c.relation and f.name = c.name))
    union all
    -- What begins a turn or a message leaves it out. Of messages the application's own columns are its own business.
    select c.object, 'may not be null, has no default, and ' || case when m.ours then 'assigning a chat' else 'a message' end || ' leaves it out',
           c.altering || case when c.typname = 'uuid' and c.name = 'id' then 'set default pg_catalog.gen_random_uuid();' else 'drop not null;' end,
           not m.ours and not exists (select from wanted w where w.relation = c.relation and w.name = c.name), true
      from columns c
      join (select f.relation, pg_catalog.bool_or(f.of_functions) as ours from filled f group by f.relation) as m on m.relation = c.relation
     where c.attnotnull and not c.atthasdef and c.attidentity = ''
       and not exists (select from filled f where f.relation = c.relation and f.name = c.name)
       -- A trigger before the insert may fill it in: as 018, which refuses the others.
       and not (m.ours and exists (select from pg_trigger t
                                    where t.tgrelid = c.table_oid and not t.tgisinternal and t.tgtype::integer & 7 = 7
                                      and t.tgname::text not like 'chatops\_%'))
       and not exists (select from wanted w where w.relation = c.relation and w.name = c.name and w.always_null)
    union all
    -- The application may fill its own; where it does not, it begins no chat, and nobody comes on shift.
    select c.object, 'may not be null, has no default: ' || case c.relation when 'chats' then 'a new chat' when 'operators' then 'a new operator' else 'a new user' end || ' needs it',
           c.altering || 'drop not null;', true, false
      from columns c
     where c.relation in ('chats', 'operators', 'real_users') and c.attnotnull and not c.atthasdef and c.attidentity = '' and c.attgenerated = ''
       and c.name not in ('id', 'name', 'email', 'real_user_id', 'fictional_user_id')
       and not exists (select from wanted w where w.relation = c.relation and w.name = c.name)
    union all
    select c.object, 'may not be null, has no default, and a new chat leaves it out', c.altering || 'drop not null;', false, true
      from columns c
     where c.relation = 'chats' and c.name in ('last_operator_id', 'operator_replied_at', 'last_message_at')
       and c.attnotnull and not c.atthasdef
    union all
    select c.object, 'begins as ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid) || ': a new chat is none that waits for its first message',
           c.altering || case c.name when 'is_active' then 'set default true;' else 'set default ''waiting_assignment'';' end, false, true
      from columns c
      join pg_attrdef d on d.adrelid = c.table_oid and d.adnum = c.attnum
     where c.relation = 'chats' and c.attgenerated = ''
       and (c.name = 'is_active' and pg_catalog.pg_get_expr(d.adbin, d.adrelid) = 'false'
            or c.name = 'chat_state' and pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~ '^''' and pg_catalog.pg_get_expr(d.adbin, d.adrelid) !~ '^''waiting_assignment''')
    union all
    -- Without it a heartbeat finds no row to renew, and assigning fails.
    select 'operator_activity (chat_id, operator_id)', 'is not unique: assigning and heartbeats fail',
           -- Of two heartbeats of one operator on one chat the newer one counts.
           'delete from operator_activity t using (select a.*, a.ctid as place from operator_activity a) f where f.chat_id = t.chat_id and f.operator_id = t.operator_id'
           ' and (coalesce(f.last_activity, ''-infinity''), f.place) > (coalesce(t.last_activity, ''-infinity''), t.ctid);'
           ' alter table operator_activity add unique (chat_id, operator_id);', false, true
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
     where c.relname = 'operator_activity' and c.relkind in ('r', 'p')
       and (select pg_catalog.count(*) from columns p where p.relation = 'operator_activity' and p.name in ('chat_id', 'operator_id')) = 2
       and not exists (
         select from pg_index x
          where x.indrelid = c.oid and x.indisunique and x.indimmediate and x.indisvalid and x.indpred is null
            and (select pg_catalog.array_agg(a.attname::text order by a.attname) from pg_attribute a
                  where a.attrelid = c.oid and a.attnum = any (x.indkey::smallint[]))
                operator(pg_catalog.=) array['chat_id', 'operator_id']::text[]
            and x.indnkeyatts = 2)
  ) as found
 order by critical desc, found.advice, found.object
