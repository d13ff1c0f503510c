-- Which chats have waited longer than users should?
-- code: QUEUE010
-- title: {count} chats wait longer than {queue_sla_minutes} min; the oldest for {waiting_for}
-- title-one: 1 chat waits longer than {queue_sla_minutes} min: for {waiting_for}
-- narrow: {count} wait over {queue_sla_minutes} min, the oldest {waiting_for}
-- narrow-one: 1 waits over {queue_sla_minutes} min: {waiting_for}
-- severity: warning
-- group: now
-- expected: nobody waits for an answer for longer than the promised time
-- why: more users write than operators answer, or operators who left hold chats and count as busy
-- consequence: users give up
-- users-wait: yes
-- help: queue
-- help-text: a person decides, for only operators answer: call some in (`operators` says who is away); `release --idle --dry-run` shows what silent ones hold
-- says: users wait too long
-- reads: chats, messages
-- limits: queue_sla_minutes
-- needs: chat_queue
select q.chat_id,
       now() - q.waiting_since as waiting_for,
       q.last_operator_id
  from chat_queue q
 where q.waiting_since < now() - pg_catalog.make_interval(secs => 60::double precision * :'queue_sla_minutes'::double precision)
 order by q.waiting_since, q.chat_id
