-- A batched statement as one block for psql: each batch commits with its count in the ledger, until one reports 0 rows.
-- A row that somebody has locked is waited for briefly, and tried again a hundred times.
do $chatops_batches$
declare
  changed bigint;
  tries integer := 0;
begin
  loop
    begin
      perform pg_catalog.set_config('chatops.batch_size', :'batch_size', true), pg_catalog.set_config('chatops.write', 'function', true);
      if :'reports_in_first_column'::boolean then
        execute :'statement' into changed;
      else
        execute :'statement';
        get diagnostics changed = row_count;
      end if;
      update chatops.migrations
         set rows_changed = coalesce(rows_changed, 0) + coalesce(changed, 0)
       where target_schema = :'target_schema' and source = :'source' and name = :'name';
      changed := coalesce(changed, 0);
      tries := 0;
    exception when lock_not_available or deadlock_detected then
      changed := null;
      tries := tries + 1;
      if tries = 100 then
        raise;
      end if;
    end;
    commit;
    exit when changed = 0;
    if changed is null then
      perform pg_catalog.pg_sleep(0.1);
    end if;
  end loop;
end
$chatops_batches$;
