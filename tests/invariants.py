"""I1 to I10 as queries of the tests' own: each returns the offending rows, and none on a healthy database."""

from __future__ import annotations

INVARIANTS = {
    "I1 an operator holds at most one active chat": """
        select assigned_operator_id, array_agg(id) from chats
         where assigned_operator_id is not null and is_active group by 1 having count(*) > 1""",
    "I2 a chat has at most one open assignment": """
        select chat_id, array_agg(operator_id) from chat_assignments where released_at is null group by 1 having count(*) > 1""",
    "I3 an operator is set exactly in the state assigned": """
        select id, chat_state, assigned_operator_id from chats
         where chat_state is null or (chat_state = 'assigned') <> (assigned_operator_id is not null)""",
    "I4 every open assignment belongs to the holder": """
        select a.chat_id, a.operator_id, c.assigned_operator_id from chat_assignments as a join chats as c on c.id = a.chat_id
         where a.released_at is null and a.operator_id <> c.assigned_operator_id""",
    "I5 every assigned chat has its open assignment": """
        select c.id, c.assigned_operator_id from chats as c
         where c.chat_state = 'assigned' and c.is_active
           and not exists (select from chat_assignments as a
                            where a.chat_id = c.id and a.operator_id = c.assigned_operator_id and a.released_at is null)""",
    "I6 no user's message is lost": """
        select c.id, newest.created_at from chats as c
         cross join lateral (select sender_type, created_at from messages
                              where chat_id = c.id order by created_at desc limit 1) as newest
         where c.chat_state = 'waiting_real_user_reply' and c.is_active and newest.sender_type = 'real'""",
    "I7 no answered chat is in the queue": """
        select c.id, newest.created_at from chats as c
         cross join lateral (select sender_type, created_at from messages
                              where chat_id = c.id order by created_at desc limit 1) as newest
         where c.chat_state = 'waiting_assignment' and c.is_active and newest.sender_type = 'fictional'""",
    "I8 heartbeats only of the holder": """
        select a.chat_id, a.operator_id, c.assigned_operator_id from operator_activity as a join chats as c on c.id = a.chat_id
         where a.operator_id is distinct from c.assigned_operator_id""",
    "I9 a reply was written by who held the chat": """
        select m.chat_id, m.id, m.handled_by_operator_id, m.created_at from messages as m
         where m.sender_type = 'fictional' and m.handled_by_operator_id is not null
           and not exists (select from chat_assignments as a
                            where a.chat_id = m.chat_id and a.operator_id = m.handled_by_operator_id
                              and m.created_at between a.assigned_at and coalesce(a.released_at, 'infinity'))""",
    "I10 assignments of one chat never overlap": """
        select a.chat_id, a.operator_id, a.assigned_at, a.released_at, b.operator_id, b.assigned_at, b.released_at
          from chat_assignments as a join chat_assignments as b on b.chat_id = a.chat_id and b.id > a.id
         where a.assigned_at < coalesce(b.released_at, 'infinity') and b.assigned_at < coalesce(a.released_at, 'infinity')""",
}

QUEUE_CLOCK = """
    select c.id, c.chat_state, c.waiting_since, oldest_unanswered(c.id) from chats as c
     where c.is_active and c.waiting_since is distinct from oldest_unanswered(c.id)"""
"""Chats whose clock does not say what their messages say; only after 018, and only while nobody writes."""

COUNTERS = """
    select 'chat', c.id, c.message_count, count(m.id) from chats as c left join messages as m on m.chat_id = c.id
     group by c.id having coalesce(c.message_count, 0) <> count(m.id)
    union all
    select 'operator', o.id, o.total_messages, count(m.id) from operators as o
      left join messages as m on m.handled_by_operator_id = o.id and m.sender_type = 'fictional'
     group by o.id having coalesce(o.total_messages, 0) <> count(m.id)"""
"""Counters that do not equal what they count."""
