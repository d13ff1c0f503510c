-- Plants, for every two common types, the operators that pg_catalog does not have for exactly these: the resolution of types prefers
-- them to the catalog's, wherever the schema stands in search_path. None of them is ever to be chosen.
do $plant$
declare
  c_types constant text[] := array['text', 'varchar', 'name', 'uuid', 'int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'boolean',
    'timestamptz', 'timestamp', 'date', 'interval', 'jsonb', 'oid', 'regclass', 'uuid[]', 'text[]', 'name[]', 'oid[]'];
  c_compare constant text[] := array['=', '<>', '<', '<=', '>', '>=', '@>', '&&', '~', '~*', '!~', '~~', '!~~', '~~*', '?'];
  c_compute constant text[] := array['+', '-', '*', '/', '%', '||', '->'];
  c_text constant text[] := array['->>', '#>>'];
  c_signs constant text[] := c_compare || c_compute || c_text;
  v_left text;
  v_right text;
  v_sign text;
begin
  execute 'create function planted() returns text language plpgsql as $f$ begin raise exception ''planted''; end $f$';
  foreach v_left in array c_types loop
    foreach v_right in array c_types loop
      execute pg_catalog.format('create function planted_b(%1$s, %2$s) returns boolean language sql as $f$ select planted()::boolean $f$', v_left, v_right);
      execute pg_catalog.format('create function planted_l(%1$s, %2$s) returns %1$s language sql as $f$ select planted()::%1$s $f$', v_left, v_right);
      execute pg_catalog.format('create function planted_t(%1$s, %2$s) returns text language sql as $f$ select planted() $f$', v_left, v_right);
      foreach v_sign in array c_signs loop
        if pg_catalog.to_regoperator(pg_catalog.format('pg_catalog.%s(%s,%s)', v_sign, v_left, v_right)) is null then
          execute pg_catalog.format(
            'create operator %s (leftarg = %s, rightarg = %s, function = %s)', v_sign, v_left, v_right,
            case when v_sign operator(pg_catalog.=) any (c_compare) then 'planted_b' when v_sign operator(pg_catalog.=) any (c_compute) then 'planted_l' else 'planted_t' end);
        end if;
      end loop;
    end loop;
  end loop;
end
$plant$;
