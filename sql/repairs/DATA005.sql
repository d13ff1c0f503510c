-- Sets sequences behind the ids of their tables, so that the next one is free.
-- A little further than needed: numbers may be given out between the look and the change. setval is no part of a transaction, so a
-- trial leaves it out, and logs under ids of its own.
--
-- order: 5
-- First what is wrong, read once and without a lock; then a batch of it, judged anew by what each sequence gave last.
\i sql/repairs/shared/parts.psql

select null::uuid as chat_id, b.sequence_id::bigint as sequence_id, b.sequence, b.relation, b.newest_id
  from (:sequences_behind) as b
;

with trial as materialized (
  select pg_catalog.current_setting('chatops.trial', true) is not distinct from 'on' as is_one,
         coalesce(nullif(pg_catalog.current_setting('chatops.newest_action', true), ''), '0')::bigint as newest_action
), found as materialized (
  select f.sequence_id::oid as sequence_id, f.sequence, f.newest_id
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (sequence_id bigint, sequence text, newest_id bigint)
), candidate as materialized (
  select f.sequence_id, f.sequence, f.newest_id, q.seqincrement, pg_catalog.pg_sequence_last_value(q.seqrelid) as gave,
         case when q.seqincrement > 0 then least(q.seqmax, f.newest_id::numeric + (32 * q.seqcache * q.seqincrement)::numeric)
              else greatest(q.seqmin, f.newest_id::numeric + (32 * q.seqcache * q.seqincrement)::numeric) end::bigint as ahead
    from found f
    join pg_sequence q on q.seqrelid = f.sequence_id
), changed as materialized (
  select c.sequence_id, c.sequence, c.gave,
         case when (select is_one from trial) then c.ahead else pg_catalog.setval(c.sequence_id::regclass, c.ahead) end as ahead
    from candidate c
   where c.gave is null or case when c.seqincrement > 0 then c.gave < c.newest_id else c.gave > c.newest_id end
), settled as materialized (
  -- All of them, before the log asks one of them for its number.
  select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(c) order by c.sequence), '[]') as changes from changed c
), logged as (
  insert into chatops.actions (action, code, row_id, before, after)
  select 'repair', 'DATA005', 'sequence ' || n.sequence, pg_catalog.jsonb_build_object('last_value', n.gave),
         pg_catalog.jsonb_build_object('last_value', n.ahead)
    from settled s
   cross join lateral pg_catalog.jsonb_to_recordset(s.changes) as n (sequence text, gave bigint, ahead bigint)
   where not (select is_one from trial)
), logged_on_trial as (
  insert into chatops.actions (id, action, code, row_id, before, after) overriding system value
  select (select newest_action from trial) + n.place, 'repair', 'DATA005', 'sequence ' || (n.change ->> 'sequence'::text),
         pg_catalog.jsonb_build_object('last_value', n.change -> 'gave'::text),
         pg_catalog.jsonb_build_object('last_value', n.change -> 'ahead'::text)
    from settled s
   cross join lateral pg_catalog.jsonb_array_elements(s.changes) with ordinality as n (change, place)
   where (select is_one from trial)
)
select pg_catalog.jsonb_build_object('mended', pg_catalog.jsonb_array_length(s.changes), 'busy', '[]'::jsonb) from settled s;
