-- Makes again what was set aside, the other way round: indexes, keys, and the foreign keys, each row checked.
do $put_back$
declare
  v_object record;
begin
  set local maintenance_work_mem = '256MB';
  for v_object in select again, comment from demo_set_aside order by place desc
  loop
    execute v_object.again;
    -- A comment of null text clears what is not there.
    execute coalesce(v_object.comment, 'select 1');
  end loop;
end
$put_back$;
