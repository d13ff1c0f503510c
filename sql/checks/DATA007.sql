-- Which chats say otherwise than their messages and turns when they were last written into, or how often they were given back?
-- code: DATA007
-- title: {count} chats say otherwise than their messages when they were last written into, or than their turns how often they were given back
-- title-one: 1 chat {trouble}
-- brief: {count} wrong about their last message, or releases
-- severity: warning
-- group: data
-- kind: history
-- expected: last_message_at is the time of the newest message, and no more releases are counted than turns have ended since the last reply
-- why: rows were restored or written by hand while the triggers were off
-- consequence: checks of history pass the chat over, lists show it at the wrong place, or the reassignment limit ends it too early
-- help-sql: {remedy}
-- says: stats seem wrong; nobody answers
-- reads: chats, messages, chat_assignments
-- Chats that were touched in the window. Later than it was is advice: the newest message may have been deleted since.
select found.chat_id, found.trouble, found.said, found.really, found.remedy, found.advice
  from (
    select c.id as chat_id,
           case when c.last_message_at > newest.at then 'says that it was last written into later than it was'
                else 'says that it was last written into before its newest message' end as trouble,
           pg_catalog.to_jsonb(c.last_message_at) #>> '{}'::text[] as said, pg_catalog.to_jsonb(newest.at) #>> '{}'::text[] as really,
           pg_catalog.format($remedy$set chatops.write = 'function'; update chats set last_message_at = (select m.created_at from messages as m where m.chat_id = chats.id order by m.created_at desc limit 1), epoch = epoch + 1 where id = %L; reset chatops.write;$remedy$, c.id) as remedy,
           coalesce(c.last_message_at > newest.at, false) as advice
      from chats c
     cross join lateral (
       select m.created_at as at from messages m where m.chat_id = c.id order by m.created_at desc limit 1
     ) as newest
     where greatest(c.last_message_at, c.operator_replied_at, c.updated_at) >= now() - :'since'::interval
       and newest.at between '0001-01-02' and '9999-12-31'
       and coalesce(c.last_message_at, '-infinity') not between newest.at - interval '1 minute' and newest.at + interval '1 minute'
    union all
    select c.id, 'counts more releases than turns have ended since the last reply', c.releases_without_reply::text, ended.turns::text,
           pg_catalog.format($remedy$set chatops.write = 'function'; update chats set releases_without_reply = %s, epoch = epoch + 1 where id = %L; reset chatops.write;$remedy$, ended.turns, c.id),
           false
      from chats c
     cross join lateral (
       select pg_catalog.count(*) as turns from chat_assignments a
        where a.chat_id = c.id
          and coalesce(a.released_at, 'infinity') > coalesce((select r.created_at from messages r
                                                               where r.chat_id = c.id and r.sender_type::text = 'fictional'
                                                               order by r.created_at desc limit 1), '-infinity')
     ) as ended
     where c.releases_without_reply <> 0
       and c.chat_state::text is distinct from 'completed'
       and c.is_active is not false
       and c.releases_without_reply not between 0 and ended.turns
  ) as found
 order by found.advice, found.trouble, found.chat_id
