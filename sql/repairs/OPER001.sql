-- Takes chats from operators who are inactive or silent beyond the idle timeout; each goes where its messages say.
-- The open assignment is closed as idle_timeout (silent) or manual_release (inactive), or as answered when it was; the operator is
-- remembered as the last one. The timeout is the one that was given, else that of platform_config, else 5 minutes; 2 minutes
-- of grace.
--
-- order: 50
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

-- Whoever is inactive is so whatever they do; who was silent must not have moved since.
select c.id as chat_id, c.assigned_operator_id as operator_id,
       case when o.is_active then held.active_at else '-infinity' end as active_at
  from chats c
  left join operators o on o.id = c.assigned_operator_id
 cross join lateral (select coalesce(:last_seen, '-infinity') as active_at) as held
 where c.assigned_operator_id is not null
   and c.chat_state::text = 'assigned'
   and c.is_active is not false
   and (o.is_active is not true
        or held.active_at < pg_catalog.now() - pg_catalog.make_interval(secs => 60::double precision * (
             coalesce(nullif(:'idle_timeout_minutes', '')::double precision,
                      (select case when (p.value #>> '{}'::text[]) ~ '^\s*-?\d{1,9}(\.\d{1,30})?\s*$'
                                   
                                    and (p.value #>> '{}'::text[])::double precision between 0.01::double precision and 1440::double precision
                                   then (p.value #>> '{}'::text[])::double precision end
                         from platform_config p where p.key::text = 'idle_timeout_minutes'),
                      5)
             + coalesce(nullif(:'idle_grace_minutes', '')::double precision, 2))))
;

with candidate as materialized (
  select c.id, c.xmin as seen, pg_catalog.to_jsonb(f) as found, o.is_active is true as operator_active,
         coalesce(newest.answered, false) as answered, newest.spoken_at
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid, operator_id uuid, active_at timestamptz)
    join chats c on c.id = f.chat_id and c.assigned_operator_id = f.operator_id
    left join operators o on o.id = c.assigned_operator_id
:said_last
   where c.chat_state::text = 'assigned' and c.is_active is not false
     and (o.is_active is not true
          or coalesce(:last_seen, '-infinity') <= f.active_at)
   order by c.id
), locked as materialized (
  select c.*, c as was, 'OPER001' as code, true as lets_go, k.answered, k.spoken_at,
         case when k.operator_active then 'idle_timeout' else 'manual_release:repair' end as reason
:locked_as_judged
), changed as (
  update chats c
     set last_operator_id = coalesce(l.assigned_operator_id, l.last_operator_id),
         :waiting_again
:letting_go
)
:mended_and_busy;
