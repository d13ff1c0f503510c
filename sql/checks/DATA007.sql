-- Which chats and their messages disagree about when the chat was last written into?
-- code: DATA007
-- title: {count} chats have a wrong last_message_at: it is not the time of their newest message
-- title-one: 1 chat {trouble}
-- brief: {count} wrong about their last message
-- severity: warning
-- advice: all of them are later than the newest message, for one may have been deleted since
-- group: data
-- kind: touched
-- meanwhile: yes
-- expected: last_message_at is the time of the newest message
-- why: rows were restored or written by hand while the triggers were off
-- consequence: checks of history pass the chat over, and lists show it at the wrong place
-- help: repair DATA007 --dry-run
-- says: stats seem wrong
-- reads: chats, messages
-- Chats that were touched in the window (small tables: all). Later than it was is advice: the newest message may have been deleted since.
\set last_written `cat sql/repairs/shared/last_written.sql`
\set newest_pages `cat sql/checks/shared/newest_pages.sql`
\set says_otherwise `cat sql/repairs/shared/says_otherwise.sql`
select c.id as chat_id,
       case when c.last_message_at > newest.at then 'has a last_message_at after its newest message'
            else 'has a last_message_at before its newest message' end as trouble,
       pg_catalog.to_jsonb(c.last_message_at) #>> '{}'::text[] as said, newest.at as really,
       coalesce(c.last_message_at > newest.at, false) as advice
  from chats c
 cross join lateral (:last_written) as newest
 where (coalesce(greatest(c.last_message_at, c.operator_replied_at, c.updated_at), 'infinity') >= now() - :'touched_since'::interval
        or c.id in (select p.chat_id from (:newest_pages) as p))
   and :says_otherwise
 order by coalesce(c.last_message_at > newest.at, false), c.id
