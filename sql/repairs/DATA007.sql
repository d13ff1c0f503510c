-- Sets when a chat was last written into to the time of its newest message; never ahead of the clock.
--
-- order: 15
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
\i sql/repairs/shared/parts.psql

-- In the order of the key, so that the pages of the index are read one after the other.
select c.id as chat_id
  from (
    select c.id, c.last_message_at from chats c
     where coalesce(greatest(c.last_message_at, c.operator_replied_at, c.updated_at), 'infinity') >= pg_catalog.now() - :'since'::interval
        or c.id in (select p.chat_id from (:newest_pages) as p)
     order by id
  ) as c
 cross join lateral (:last_written) as newest
 where :says_otherwise
;

with candidate as materialized (
  select c.id, c.xmin as seen, pg_catalog.to_jsonb(f) as found, newest.at
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid)
    join chats c on c.id = f.chat_id
   cross join lateral (:last_written) as newest
   where :says_otherwise
   order by c.id
), locked as materialized (
  select c.id, c.last_message_at, c.assigned_operator_id, k.at
:locked_as_judged
), changed as (
  update chats c
     set last_message_at = l.at
    from locked l
   where c.id = l.id
  returning c.id, c.assigned_operator_id, l.last_message_at as said, c.last_message_at
), logged as (
  insert into chatops.actions (action, code, chat_id, operator_id, row_id, before, after)
  select 'repair', 'DATA007', n.id, n.assigned_operator_id, null::text,
         pg_catalog.jsonb_build_object('last_message_at', n.said), pg_catalog.jsonb_build_object('last_message_at', n.last_message_at)
    from changed n
)
:mended_and_busy;
