-- Asks the server whether two texts mean the same: each pair is planned, not run, and the plans are compared.
--
-- One letter a pair in chatops.compared: s the same, d different, ? where one of them cannot be planned (a column that has another
-- name by now, a right that is missing). Reads only; what a plan says of an alias that the server numbered is left out.
do $compare$
declare
  pair   jsonb;
  ours   text;
  theirs text;
  told   text := '';
begin
  for pair in select value from pg_catalog.jsonb_array_elements(coalesce(pg_catalog.current_setting('chatops.pairs', true), '[]')::jsonb) loop
    begin
      execute 'explain (verbose, costs off, format json) ' || (pair ->> 0) into ours;
      execute 'explain (verbose, costs off, format json) ' || (pair ->> 1) into theirs;
      told := told || case when ours = theirs
                             or pg_catalog.regexp_replace(ours, '_\d+\M', '', 'g') = pg_catalog.regexp_replace(theirs, '_\d+\M', '', 'g')
                           then 's' else 'd' end;
    exception when others then
      told := told || '?';
    end;
  end loop;
  perform pg_catalog.set_config('chatops.compared', told, true);
end
$compare$;
