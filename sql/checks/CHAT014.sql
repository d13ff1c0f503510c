-- Which answered chats do not remember the operator who answered?
-- code: CHAT014
-- invariant: I27
-- title: {count} answered chats do not remember who answered
-- title-one: 1 answered chat does not remember who answered
-- severity: warning
-- group: data
-- expected: an active chat with a reply remembers the writer of its newest reply as the last operator
-- why: an admin's reassign, a late reply or a restored row wrote another operator, or none
-- consequence: the assign function cannot keep the chat from the operator who just had it
-- help: repair CHAT014 --dry-run
-- says: gets the same chat again
-- reads: chats, messages, chat_assignments
-- Active chats. Who held or holds the chat after that reply may stand there too: the assign function writes its operator at once.
-- One pass over the messages for the many chats that wait for their user (`offset 0` keeps the planner to it), a look at the others.
select c.id as chat_id,
       reply.handled_by_operator_id as answered_by_id,
       c.last_operator_id,
       reply.created_at as answered_at
  from (
    select k.chat_id, k.handled_by_operator_id, k.created_at
      from (
        select m.id, m.chat_id, m.handled_by_operator_id, m.created_at
          from (select id, chat_id, created_at, handled_by_operator_id from messages where sender_type = 'fictional' offset 0) as m
          join chats d on d.id = m.chat_id
         where d.chat_state = 'waiting_real_user_reply'
           and d.is_active is not false
           and d.last_operator_id is not null
           and m.handled_by_operator_id <> d.last_operator_id
           and m.created_at >= coalesce(d.last_message_at - interval '1 minute', '-infinity')
        offset 0
      ) as k
     where k.id = (select l.id from messages l where l.chat_id = k.chat_id and l.sender_type = 'fictional'
                    order by l.created_at desc limit 1)
    union all
    select d.id, newest.handled_by_operator_id, newest.created_at
      from chats d
     cross join lateral (
       select m.handled_by_operator_id, m.created_at
         from messages m
        where m.chat_id = d.id and m.sender_type = 'fictional'
        order by m.created_at desc
        limit 1
     ) as newest
     where d.is_active is not false
       and d.chat_state is distinct from 'completed'
       and (d.last_operator_id is null or d.chat_state is distinct from 'waiting_real_user_reply')
       and newest.handled_by_operator_id is not null
  ) as reply
  join chats c on c.id = reply.chat_id
 where c.last_operator_id is distinct from reply.handled_by_operator_id
   and (c.last_operator_id is null
        or (c.last_operator_id is distinct from c.assigned_operator_id
            and not exists (
              select 1 from chat_assignments a
               where a.chat_id = c.id and a.operator_id = c.last_operator_id
                 and coalesce(a.released_at, 'infinity') > reply.created_at)))
 order by reply.created_at desc, c.id
