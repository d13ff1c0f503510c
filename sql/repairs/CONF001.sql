-- Stores the settings of the chat functions as whole numbers.
-- A number that was stored as text stays what it says; what is no number, or out of range, becomes the default.
--
-- One batch: the rows are found, locked without waiting and compared again by their version; whoever is busy comes next time.
with candidate as materialized (
  select p.key, p.xmin as seen,
         case when said.number between known.least and known.most then round(said.number) else known.usual end as number
    from (values ('max_reassignments', 1, 1000, 3),
                 ('idle_timeout_minutes', 1, 1440, 5),
                 ('own_chat_after_seconds', 0, 604800, 300),
                 ('queue_sla_minutes', 1, 10080, 15)) as known (key, least, most, usual)
    join platform_config p on p.key = known.key
   cross join lateral (
     select case when length(p.value #>> '{}') < 20 and (p.value #>> '{}') ~ '^\s*-?[0-9]+(\.[0-9]+)?\s*$'
                 then (p.value #>> '{}')::numeric end as number
   ) as said
   where nullif(current_setting('chatops.only_chat', true), '') is null
     and (jsonb_typeof(p.value) is distinct from 'number'
          or said.number is null
          or said.number <> trunc(said.number)
          or said.number not between known.least and known.most)
   limit coalesce(nullif(current_setting('chatops.batch_size', true), '')::int, 1000)
), locked as materialized (
  select p.key, p.value, k.number
    from platform_config p
    join candidate k on k.key = p.key
   where p.xmin = k.seen
     for no key update of p skip locked
), changed as (
  update platform_config p
     set value = to_jsonb(l.number)
    from locked l
   where p.key = l.key
  returning p.key, p.value
), logged as (
  insert into chatops.actions (action, code, row_id, before, after)
  select 'repair', 'CONF001', 'platform_config ' || n.key, jsonb_build_object('value', l.value), jsonb_build_object('value', n.value)
    from changed n
    join locked l on l.key = n.key
)
select count(*) from changed
