-- Plants, for every two common types (and the types of words that the tables have), the operators that pg_catalog does not have for
-- exactly these, and overloads of our own functions: the resolution of types prefers them to the catalog's and to ours, wherever the
-- schema stands in search_path. None of them is ever to be chosen.
do $plant$
declare
  c_words constant text[] := array['varchar', 'bpchar'] || array(
    select t.oid::regtype::text from pg_catalog.pg_type as t join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
     where t.typcategory = 'S' and t.typtype in ('b', 'd') and n.nspname in ('public', 'extensions') order by 1);
  c_types constant text[] := array['text', 'name', 'uuid', 'int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'boolean',
    'timestamptz', 'timestamp', 'date', 'interval', 'jsonb', 'oid', 'regclass', 'uuid[]', 'text[]', 'name[]', 'oid[]'] || c_words;
  c_compare constant text[] := array['=', '<>', '<', '<=', '>', '>=', '@>', '&&', '~', '~*', '!~', '~~', '!~~', '~~*', '?'];
  c_compute constant text[] := array['+', '-', '*', '/', '%', '||', '->'];
  c_text constant text[] := array['->>', '#>>'];
  c_signs constant text[] := c_compare || c_compute || c_text;
  v_left text;
  v_right text;
  v_sign text;
  v_ours record;
begin
  for v_ours in
    select p.proname::text as name, p.oid::regprocedure::text as signature, pg_catalog.pg_get_function_result(p.oid) as result, w.word
      from pg_catalog.pg_proc as p
      join pg_catalog.pg_language as l on l.oid = p.prolang and l.lanname in ('sql', 'plpgsql')
     cross join pg_catalog.unnest(c_words) as w (word)
     where p.pronamespace = 'public'::regnamespace and 'text'::regtype::oid = any (p.proargtypes) and not p.proretset
       and p.prosrc ~ '[a-z]' and p.provariadic = 0
  loop
    execute pg_catalog.format('create function %I%s returns text language plpgsql as $f$ begin raise exception ''planted''; end $f$',
      v_ours.name, pg_catalog.regexp_replace(pg_catalog.regexp_replace(v_ours.signature, '^[^(]*', ''), '\mtext\M', v_ours.word, 'g'));
  end loop;
  execute 'create function planted(text) returns text language plpgsql as $f$ begin raise exception ''planted for %'', $1; end $f$';
  foreach v_left in array c_types loop
    foreach v_right in array c_types loop
      execute pg_catalog.format('create function planted_b(%1$s, %2$s) returns boolean language sql as $f$ select planted(%3$L)::boolean $f$', v_left, v_right, v_left || ' and ' || v_right);
      execute pg_catalog.format('create function planted_l(%1$s, %2$s) returns %1$s language sql as $f$ select planted(%3$L)::text::%1$s $f$', v_left, v_right, v_left || ' and ' || v_right);
      execute pg_catalog.format('create function planted_t(%1$s, %2$s) returns text language sql as $f$ select planted(%3$L) $f$', v_left, v_right, v_left || ' and ' || v_right);
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
