-- What platform_config says about our thresholds, as numbers; null where a value is no number, never an error.
-- names: text[], the keys that are asked for.
select key as name,
       case when (value #>> '{}'::text[]) ~ '^[ \t\n\r\f\v]*-?[0-9]{1,9}(\.[0-9]{1,30})?[ \t\n\r\f\v]*$'
            then (value #>> '{}'::text[])::double precision end as value
  from platform_config
 where key::text = any (:'names'::text[])
