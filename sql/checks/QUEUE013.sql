-- Which chats say that their user began to wait later, or earlier, than they did?
-- code: QUEUE013
-- title: {count} chats say that their user began to wait later than they did
-- title-one: 1 chat says that its user began to wait {late_by} later than they did
-- severity: warning
-- advice: all of them began earlier than the user wrote: the chat jumps the queue
-- group: data
-- meanwhile: yes
-- expected: the clock of a wait begins with the oldest message of the user that nobody answered
-- why: the clock was written by hand, or rows were restored with other times
-- consequence: whoever wrote first is served later, and the wait looks shorter than it is
-- help-sql: {remedy}
-- says: users wait too long
-- reads: chats, messages
-- shares: unanswered
-- unplanted: the deployed system has no clocks of the queue
-- On a database without these clocks there is nothing to be late. Earlier than it was is advice: the chat jumps the queue.
\set unanswered `cat sql/checks/shared/unanswered.sql`
with unanswered as materialized (:unanswered)
select u.id as chat_id, u.waiting_since, u.written_at as user_wrote_at, u.waiting_since - u.written_at as late_by,
       case when greatest(u.waiting_since, u.written_at) <= now() + interval '1 minute' then pg_catalog.format($remedy$set chatops.write = 'function'; update chats set waiting_since = %L, epoch = epoch + 1 where id = %L; reset chatops.write;$remedy$,
                         u.written_at, u.id) end as remedy,
       case when greatest(u.waiting_since, u.written_at) > now() + interval '1 minute' then 'mend DATA002 first: the clock of the wait follows from the times that it mends' end as decides,
       u.waiting_since < u.written_at as advice
  from unanswered u
 where u.waiting_since > u.written_at + interval '1 second'
    or u.waiting_since < u.written_at - interval '1 second'
 order by u.waiting_since < u.written_at, u.waiting_since - u.written_at desc, u.id
