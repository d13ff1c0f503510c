-- What platform_config says about our thresholds, as numbers; null where a value is no number, never an error.
-- names: text[], the keys that are asked for.
select key as name,
       case when length(value #>> '{}') < 20 and (value #>> '{}') ~ '^\s*-?[0-9]+(\.[0-9]+)?\s*$'
            then (value #>> '{}')::double precision end as value
  from platform_config
 where key = any (:'names'::text[])
