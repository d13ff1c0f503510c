-- Moves everything that ever happened in the demo forward by the setting chatops.demo_behind, so that it happened just now.
do $later$
declare
  v_table record;
begin
  for v_table in
    select a.attrelid::regclass as name,
           string_agg(format('%1$I = %1$I + %2$L::interval', a.attname, current_setting('chatops.demo_behind')), ', ') as changes
      from pg_attribute as a
     where a.attrelid in ('operators'::regclass, 'real_users'::regclass, 'fictional_users'::regclass, 'chats'::regclass,
                          'messages'::regclass, 'chat_assignments'::regclass, 'operator_activity'::regclass)
       and a.atttypid = 'timestamptz'::regtype
       and a.attgenerated = ''
       and a.attnum > 0
       and not a.attisdropped
     group by a.attrelid
  loop
    execute format('update %s set %s', v_table.name, v_table.changes);
  end loop;
end
$later$;
