-- Which waiting chats were passed over by several that began to wait later?
-- code: QUEUE002
-- invariant: I19
-- title: {count} waiting chats were passed over by later ones
-- title-one: 1 waiting chat was passed over {overtaken} times by later ones
-- severity: warning
-- group: data
-- kind: history
-- expected: who began to wait first is served first
-- why: the deployed queue goes by the age of the chat, not of the wait: the oldest chats are always first and young ones starve
-- consequence: some users are answered at once again and again while others wait without end
-- help: queue
-- says: users wait too long
-- reads: chats, messages, chat_assignments
-- limits: overtaken_by, overtaken_seconds
-- needs: chat_queue
-- Their own last operator may pass them over: nobody gets the chat they just had.
select q.chat_id,
       now() - q.waiting_since as waiting_for,
       count(*) as overtaken
  from chat_queue q
  join lateral (
    select a.chat_id, a.operator_id, a.assigned_at
      from chat_assignments a
     where a.assigned_at > greatest(q.waiting_since, now() - :'since'::interval)
       and a.chat_id <> q.chat_id
       and a.operator_id is distinct from q.last_operator_id
  ) as taken on true
 cross join lateral (
   select min(m.created_at) as since from messages m
    where m.chat_id = taken.chat_id and m.sender_type = 'real' and m.created_at <= taken.assigned_at
      and m.created_at > coalesce((select r.created_at from messages r
                                    where r.chat_id = taken.chat_id and r.sender_type = 'fictional'
                                      and r.created_at < taken.assigned_at
                                    order by r.created_at desc limit 1), '-infinity')
 ) as began
 where began.since > q.waiting_since + make_interval(secs => :'overtaken_seconds'::double precision)
 group by q.chat_id, q.waiting_since
having count(*) >= :'overtaken_by'::numeric
 order by count(*) desc, q.chat_id
