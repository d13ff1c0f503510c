-- How many operators would be kept waiting: those who are on shift now, and how many of them were not heard of for so many minutes.
select pg_catalog.count(*) as on_shift,
       pg_catalog.count(*) filter (where heard.last is null
                                      or heard.last < now() - pg_catalog.make_interval(secs => 60::double precision * :'minutes'::double precision)) as silent
  from operators as o
 cross join lateral (
   select greatest(o.last_activity, (select pg_catalog.max(a.last_activity) from operator_activity as a where a.operator_id = o.id)) as last
 ) as heard
 where o.is_active and o.is_available;
