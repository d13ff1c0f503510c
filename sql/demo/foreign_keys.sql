-- Fails when any row of the chat tables leans on a row that is not there: while the demo was filled nobody looked.
do $foreign_keys$
declare
  v_key     record;
  v_orphans bigint;
begin
  for v_key in
    select k.conname, k.conrelid::regclass as child, k.confrelid::regclass as parent,
           string_agg(format('child.%I = parent.%I', own.attname, other.attname), ' and ') as matches,
           string_agg(format('child.%I is not null', own.attname), ' and ') as given
      from pg_constraint as k
     cross join lateral unnest(k.conkey, k.confkey) as pair (own_number, other_number)
      join pg_attribute as own on own.attrelid = k.conrelid and own.attnum = pair.own_number
      join pg_attribute as other on other.attrelid = k.confrelid and other.attnum = pair.other_number
     where k.contype = 'f'
       and k.conrelid in ('chats'::regclass, 'messages'::regclass, 'chat_assignments'::regclass, 'operator_activity'::regclass)
     group by k.oid, k.conname, k.conrelid, k.confrelid
  loop
    execute format('select count(*) from %s as child where %s and not exists (select from %s as parent where %s)',
                   v_key.child, v_key.given, v_key.parent, v_key.matches)
       into v_orphans;
    if v_orphans > 0 then
      raise exception '% rows of % lean on rows of % that do not exist (%)', v_orphans, v_key.child, v_key.parent, v_key.conname;
    end if;
  end loop;
end
$foreign_keys$;
