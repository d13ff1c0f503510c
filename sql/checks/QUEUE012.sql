-- Which chats do not say since when their user waits, or say so although nobody waits?
-- code: QUEUE012
-- title: {count} chats are wrong about whether their user waits
-- title-one: 1 chat is wrong about whether its user waits
-- severity: warning
-- group: data
-- expected: a chat in the queue or with an operator has a waiting_since that can be exactly when a message of its user is unanswered
-- why: rows were restored or written while the triggers were off, or came in after the migration that fills the clocks
-- consequence: the queue goes by this clock: without it nobody is ever given the chat, with a wrong one somebody is for nothing
-- help: repair QUEUE012 --dry-run
-- says: nobody answers · users wait too long
-- reads: chats, messages
-- unplanted: the deployed system has no clocks of the queue
select c.id as chat_id,
       c.chat_state,
       c.assigned_operator_id as operator_id,
       c.waiting_since,
       unanswered.since as unanswered_since
  from chats c
  left join lateral (
    select m.created_at as since from messages m
     where m.chat_id = c.id and m.sender_type::text = 'real'
       and m.created_at > coalesce((select r.created_at from messages r
                                     where r.chat_id = c.id and r.sender_type::text = 'fictional'
                                     order by r.created_at desc limit 1), '-infinity')
     order by m.created_at limit 1
  ) as unanswered on true
 where c.chat_state::text in ('waiting_assignment', 'assigned')
   and c.is_active is not false
   and (c.waiting_since is null) <> (unanswered.since is null)
union all
select c.id, c.chat_state, c.assigned_operator_id, c.waiting_since, null
  from chats c
 where c.waiting_since not between '0001-01-02' and now() + interval '1 hour'
    or c.state_since not between '0001-01-02' and now() + interval '1 hour'
 order by 5, 1
