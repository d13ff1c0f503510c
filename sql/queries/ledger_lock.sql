-- Takes the migrators' lock until the end of the transaction, or fails at once with CHL01: nobody waits inside the server.
do $lock$
begin
  if not pg_try_advisory_xact_lock(:'lock_class'::integer, :'lock_object'::integer) then
    raise exception 'another migrator is at work' using errcode = 'CHL01';
  end if;
end
$lock$;
