-- Which triggers on the chat tables are switched off?
-- code: DB017
-- title: {count} triggers on the chat tables are switched off
-- title-one: {told}
-- narrow: {count} triggers are off
-- narrow-one: 1 trigger is off
-- severity: critical
-- advice: the function of the trigger does nothing any more
-- group: schema
-- expected: every trigger on the chat tables fires
-- why: somebody disabled it (ALTER TABLE ... DISABLE TRIGGER), or an import did; the database does not note who or when
-- consequence: what it keeps is not kept, of ours as of the application's; the finding says what for each
-- help-sql: alter table {relation} enable trigger {object};
-- help-text: what came of it meanwhile: `diagnose {aims}`
-- needs-table: chats
-- shares: chat_tables, kept_by
-- avoids: mergejoin
-- says: the deploy is not right; operator loses the chat; stats seem wrong
-- A partition has the triggers of its table, each with a switch of its own. What the application's own keeps is told by the
-- columns that its function names.
\set chat_tables `cat sql/checks/shared/chat_tables.sql`
\set kept_by `cat sql/checks/shared/kept_by.sql`
with chat_tables as materialized (:chat_tables),
kept_by as materialized (:kept_by),
off as materialized (
  select c.name as relation, t.tgname as object, case t.tgenabled when 'D' then 'never' else 'on replicas only' end as fires,
         coalesce(k.so, own.so) as so, coalesce(k.aims, own.aims) as aims,
         case when pg_catalog.current_setting('track_commit_timestamp')::boolean then pg_catalog.pg_xact_commit_timestamp(t.xmin) end as changed_at,
         -- Of those that fire after a message was written.
         c.root = 'messages' and t.tgtype & 6::smallint = 4::smallint as after_message,
         p.prosrc ~* '^\s*begin\s+return (null|new|old);\s+end;?\s*$' as advice
    from chat_tables c
    join pg_trigger t on t.tgrelid = c.oid
    join pg_proc p on p.oid = t.tgfoid
    left join kept_by k on k.of = c.root and k.name = t.tgname::text
   cross join lateral (
     select case when p.prosrc ~* '^\s*begin\s+return (null|new|old);\s+end;?\s*$' then 'its function does nothing any more: nothing is lost'
                 when p.prosrc ~* 'chat_state|waiting_since' and c.root = 'messages' then 'messages do not reach the queue'
                 when p.prosrc ~* 'message_count|last_message_at' and c.root = 'messages' then 'message counts of chats are not kept'
                 when p.prosrc ~* 'total_messages' then 'the counts of operators stand still'
                 when p.prosrc ~* 'updated_at' then 'updated_at stands still, and lists that go by it'
                 else 'the application''s ' || p.proname::text || '() does not run' end as so,
            case when p.prosrc ~* 'chat_state|waiting_since' and c.root = 'messages' then 'CHAT006 DATA007'
                 when p.prosrc ~* 'message_count|last_message_at|total_messages' then 'DATA001 DATA007' end as aims
   ) as own
   where not t.tgisinternal
     and t.tgenabled in ('D', 'R')
)
select o.relation, o.object, o.fires,
       'the trigger ' || o.object::text || ' on ' || o.relation || ' is switched off: ' || o.so as told,
       case when o.after_message and not o.advice then o.so end as stops,
       o.so, o.aims, o.advice, o.changed_at
  from off o
 order by o.advice, not o.after_message, o.so not like 'messages do not%', o.relation, o.object
