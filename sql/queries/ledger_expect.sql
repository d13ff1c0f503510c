-- Fails with CHL02 when the ledger says of this file anything but what the plan was made from.
do $expect$
begin
  if coalesce(
       (select state || ' ' || steps_done::text || ' ' || checksum from chatops.migrations
         where target_schema = :'target_schema' and source = :'source' and name = :'name'), 'absent')
     <> :'expected' then
    raise exception 'another migrator has been at this file' using errcode = 'CHL02';
  end if;
end
$expect$;
