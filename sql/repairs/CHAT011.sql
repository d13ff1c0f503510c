-- Makes the end of a chat whole: completed and not active go together.
-- Not active: completed, nobody holds it. Completed: not active. Without the flag: active unless completed. Open assignments of
-- an ended chat are closed and heartbeats removed. `chatops repair` leaves out whose user waits (user_waits); a migration does not.
--
-- order: 20
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

select c.id as chat_id, :ends_a_wait as user_waits
  from chats c
 where c.is_active is null or (c.chat_state::text = 'completed') = c.is_active
;

with candidate as materialized (
  select c.id, c.xmin as seen, pg_catalog.to_jsonb(f) as found, coalesce(c.is_active is false or c.chat_state::text = 'completed', false) as lets_go,
         coalesce(newest.answered, false) as answered, newest.spoken_at
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid)
    join chats c on c.id = f.chat_id
:said_last
   where (c.is_active is null or (c.chat_state::text = 'completed') = c.is_active)
   order by c.id
), locked as materialized (
  select c.*, c as was, 'CHAT011' as code, k.lets_go, k.answered, k.spoken_at,
         'manual_release:repair' as reason
:locked_as_judged
), changed as (
  update chats c
     set chat_state = case when l.lets_go then 'completed' else l.chat_state end,
         is_active = not l.lets_go,
         assigned_operator_id = case when l.lets_go then null else l.assigned_operator_id end,
         assignment_time = case when l.lets_go then null else l.assignment_time end,
         updated_at = pg_catalog.now()
:letting_go
)
:mended_and_busy;
