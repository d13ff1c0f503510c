-- Which watch does this database remember for a target schema, with its newest looks, and how many were there before these?
with kept as materialized (
  select w.state, case when pg_catalog.jsonb_typeof(w.state -> 'ticks'::text) = 'array'::text then w.state -> 'ticks'::text end as ticks
    from chatops.watches w
   where w.target_schema = :'schema'
), looks as materialized (
  select t.tick, t.place, t.tick ->> 'reached'::text = 'true'::text as reached, t.tick ->> 'unseen'::text is not null as unseen
    from kept, pg_catalog.jsonb_array_elements(kept.ticks) with ordinality as t (tick, place)
), shown as (
  -- A page draws forty that reached the database, and a look is compared with the newest that measured.
  select case when pg_catalog.count(*) < 40 then 0
              else least((select r.place from looks r where r.reached order by r.place desc offset 39 limit 1),
                         pg_catalog.max(looks.place) filter (where not looks.unseen)) end as since
    from looks
   where looks.reached
)
select case when kept.ticks is null then kept.state
            else (kept.state - 'ticks'::text) || pg_catalog.jsonb_build_object('ticks',
                   (select coalesce(pg_catalog.jsonb_agg(looks.tick order by looks.place), '[]')
                      from looks where looks.place >= shown.since))
       end::text as state,
       (select pg_catalog.count(*) from looks where looks.place < shown.since) as taken,
       (select pg_catalog.count(*) from looks where looks.place < shown.since and looks.reached) as reached,
       (select pg_catalog.count(*) from looks where looks.place < shown.since and looks.reached and looks.unseen) as blind
  from kept, shown
