-- A repair as one block for psql: found once, then mended in batches that commit, each with its count in the ledger.
-- What somebody has locked is asked for again a hundred times, and then left to `chatops repair`. Where more is wrong than is
-- found at once, it is looked for again.
do $chatops_repair$
declare
  v_size   constant integer := :'batch_size';
  v_most   constant integer := :'most';
  v_found  jsonb[];
  v_busy   jsonb[];
  v_batch  jsonb[];
  v_answer jsonb;
  v_many   integer;
  v_mended bigint;
  v_tries  integer;
begin
  loop
    execute :'find' into v_found;
    v_many := coalesce(pg_catalog.cardinality(v_found), 0);
    v_mended := 0;
    v_tries := 0;
    v_busy := '{}';
    while coalesce(pg_catalog.cardinality(v_found), 0) > 0 loop
      v_batch := v_found[greatest(1, pg_catalog.cardinality(v_found) - v_size + 1) :];
      v_found := v_found[: pg_catalog.cardinality(v_found) - pg_catalog.cardinality(v_batch)];
      begin
        perform pg_catalog.set_config('chatops.write', 'function', true);
        execute pg_catalog.replace(:'mend', :'placeholder', pg_catalog.quote_literal(pg_catalog.to_jsonb(v_batch)::text)) into v_answer;
        update chatops.migrations
           set rows_changed = coalesce(rows_changed, 0) + (v_answer ->> 'mended'::text)::bigint
         where target_schema = :'target_schema' and source = :'source' and name = :'name';
        v_mended := v_mended + (v_answer ->> 'mended'::text)::bigint;
        v_busy := v_busy || array(select pg_catalog.jsonb_array_elements(v_answer -> 'busy'::text));
      exception when lock_not_available or deadlock_detected then
        v_busy := v_busy || v_batch;
      end;
      commit;
      if pg_catalog.cardinality(v_found) = 0 and pg_catalog.cardinality(v_busy) > 0 and v_tries < 100 then
        v_tries := v_tries + 1;
        v_found := v_busy;
        v_busy := '{}';
        perform pg_catalog.pg_sleep(0.1);
      end if;
    end loop;
    commit;
    exit when v_many < v_most or v_mended = 0;
  end loop;
end
$chatops_repair$;
