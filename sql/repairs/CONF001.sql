-- Stores the settings of the chat functions as numbers, in the ranges that the functions take.
-- A number that was stored as text stays what it says; what is no number, or out of range, becomes the default.
--
-- order: 10
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

select null::uuid as chat_id, s.key, s.value::text as stored,
       case when s.number between s.least and s.most then s.number else s.usual end as number
  from (:unusable_settings) as s
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
