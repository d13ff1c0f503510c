-- What platform_config says about our thresholds, as numbers; null where a value is no number, never an error.
-- names: text[], the keys that are asked for.
select key as name,
       case when (value #>> '{}'::text[]) ~ '^\s*-?\d{1,9}(\.\d{1,30})?\s*$'
            then (value #>> '{}'::text[])::double precision end as value
  from platform_config
 where key = any (:'names'::text[])
