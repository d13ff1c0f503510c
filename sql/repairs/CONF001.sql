-- Stores the settings of the chat functions as numbers, in the ranges that the functions take.
-- A number that was stored as text stays what it says; what is no number, or out of range, becomes the default.
--
-- order: 10
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.

select null::uuid as chat_id, p.key, p.value::text as stored,
       case when said.number between known.least and known.most then said.number else known.usual end as number
  from (values ('max_reassignments', 1::numeric, 1000::numeric, 3::numeric),
               ('idle_timeout_minutes', 0.01, 1440, 5),
               ('own_chat_after_seconds', 0, 604800, 300),
               ('queue_sla_minutes', 0.1, 10080, 15)) as known (key, least, most, usual)
  join platform_config p on p.key::text = known.key
 cross join lateral (
   select case when (p.value #>> '{}'::text[]) ~ '^[ \t\n\r\f\v]*-?[0-9]{1,9}(\.[0-9]{1,30})?[ \t\n\r\f\v]*$'
               then (p.value #>> '{}'::text[])::numeric end as number
 ) as said
 where pg_catalog.jsonb_typeof(p.value) is distinct from 'number'
    or said.number is null
    or said.number not between known.least and known.most
;

with candidate as materialized (
  select p.key::text as id, p.xmin as seen, f.stored, f.number
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (key text, stored text, number numeric)
    join platform_config p on p.key::text = f.key
   where p.value::text is not distinct from f.stored
   order by p.key
), locked as materialized (
  select p.key::text as id, p.value, pg_catalog.to_jsonb(k.number) as number
    from candidate k
    join platform_config p on p.key::text = k.id
   where p.xmin = k.seen
     for no key update of p skip locked
), changed as (
  update platform_config p
     set value = l.number
    from locked l
   where p.key::text = l.id
  returning p.key, l.value as stored, p.value
), logged as (
  insert into chatops.actions (action, code, row_id, before, after)
  select 'repair', 'CONF001', 'platform_config '::text || n.key::text, pg_catalog.jsonb_build_object('value', n.stored),
  pg_catalog.jsonb_build_object('value', n.value)
    from changed n
)
select pg_catalog.jsonb_build_object(
         'mended', (select pg_catalog.count(*) from changed),
         'busy', (select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('key', k.id, 'stored', k.stored, 'number', k.number)), '[]')
                    from candidate k where not exists (select from locked l where l.id = k.id)));
