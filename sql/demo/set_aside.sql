-- Takes the indexes and keys of the big tables away while the demo fills them, and remembers how to make them again.
-- A key that something else depends on stays where it is.
create temporary table demo_set_aside (place serial, again text not null, comment text);

do $set_aside$
declare
  v_tables constant regclass[] := array['real_users', 'chats', 'messages', 'chat_assignments']::regclass[];
  v_object record;
begin
  -- Foreign keys before the keys they lean on; indexes that belong to no constraint last.
  for v_object in
    select 1 as stage, k.conname as name, k.contype <> 'f' as is_key,
           format('alter table %s drop constraint %I', k.conrelid::regclass, k.conname) as gone,
           format('alter table %s add constraint %I %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid)) as again,
           format('comment on constraint %I on %s is %L', k.conname, k.conrelid::regclass, d.description) as comment
      from pg_constraint as k
      left join pg_description as d on d.objoid = k.oid and d.classoid = 'pg_constraint'::regclass
     where (k.contype = 'f' and (k.conrelid = any (v_tables) or k.confrelid = any (v_tables)))
        or (k.contype in ('p', 'u') and k.conrelid = any (v_tables))
    union all
    select 2, i.indexrelid::regclass::text, false,
           format('drop index %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid),
           format('comment on index %s is %L', i.indexrelid::regclass, d.description)
      from pg_index as i
      left join pg_description as d on d.objoid = i.indexrelid and d.classoid = 'pg_class'::regclass and d.objsubid = 0
     where i.indrelid = any (v_tables)
       and not exists (select from pg_constraint where conindid = i.indexrelid and contype in ('p', 'u', 'x'))
     order by stage, is_key, name
  loop
    begin
      execute v_object.gone;
      insert into demo_set_aside (again, comment) values (v_object.again, v_object.comment);
    exception when dependent_objects_still_exist then
      null;
    end;
  end loop;
end
$set_aside$;
