-- Which chats say that their user began to wait later than they did?
-- code: QUEUE013
-- title: {count} chats say that their user began to wait later than they did
-- title-one: 1 chat says that its user began to wait {late_by} later than they did
-- severity: warning
-- group: data
-- expected: the clock of a wait begins with the oldest message of the user that nobody answered
-- why: the clock was written by hand, or rows were restored with other times
-- consequence: whoever wrote first is served later, and the wait looks shorter than it is
-- help-sql: {remedy}
-- says: users wait too long
-- reads: chats, messages
-- unplanted: the deployed system has no clocks of the queue
-- On a database without these clocks there is nothing to be late.
select c.id as chat_id, c.waiting_since, oldest.written_at as user_wrote_at, c.waiting_since - oldest.written_at as late_by,
       pg_catalog.format($remedy$set chatops.write = 'function'; update chats set waiting_since = %L, epoch = epoch + 1 where id = %L; reset chatops.write;$remedy$,
                         oldest.written_at, c.id) as remedy
  from chats c
 cross join lateral (
   select m.created_at as written_at
     from messages m
    where m.chat_id = c.id and m.sender_type::text = 'real'
      and m.created_at > coalesce((select r.created_at from messages r
                                    where r.chat_id = c.id and r.sender_type::text = 'fictional'
                                    order by r.created_at desc limit 1), '-infinity')
    order by m.created_at
    limit 1
 ) as oldest
 where c.chat_state::text in ('waiting_assignment', 'assigned')
   and c.is_active is not false
   and c.waiting_since > oldest.written_at + interval '1 second'
 order by c.waiting_since - oldest.written_at desc, c.id
