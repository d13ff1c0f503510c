"""A shift for the tests that move chats: operators, and chats in every state, with ids that a person can read."""

from __future__ import annotations

from uuid import UUID

from tests.servers import Database


def operator_id(number: int) -> UUID:
    """The id of operator `op-<number>`."""
    return UUID(f"0b000000-0000-4000-8000-{number:012d}")


def chat_id(number: int) -> UUID:
    """The id of chat number so-and-so."""
    return UUID(f"c4{number:06d}-0000-4000-8000-{number:012d}")


def add_operators(database: Database, count: int, *, first: int = 1, available: bool = True, active: bool = True) -> list[UUID]:
    """Operators op-<first> and on, seen a moment ago, the lowest number last."""
    database.execute(
        """insert into operators (id, name, email, is_active, is_available, last_activity)
           select ('0b000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'op-' || n, 'op-' || n || '@acme.example',
                  %s, %s, now() - n * interval '1 ms'
             from generate_series(%s::int, %s::int) as n""",
        (active, available, first, first + count - 1),
    )
    return [operator_id(number) for number in range(first, first + count)]


def add_chats(
    database: Database, count: int, *, first: int = 1, state: str = "waiting_assignment", held_by: int | None = None
) -> None:
    """Chats in a consistent state. `assigned` chats are held by op-<held_by>, op-<held_by + 1> and so on.

    waiting_assignment: the user spoke last. assigned: likewise, with an open assignment and a heartbeat.
    waiting_real_user_reply and completed: answered by op-1. empty: waiting_assignment without a message.
    """
    with database.connect() as connection, connection.transaction():
        connection.execute(
            """create temporary table new_chats on commit drop as
               select n, ('c4' || lpad(n::text, 6, '0') || '-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid as id,
                      gen_random_uuid() as user_id, gen_random_uuid() as profile_id,
                      ('0b000000-0000-4000-8000-' || lpad((%(held_by)s::int + n - %(first)s)::text, 12, '0'))::uuid as holder,
                      now() - interval '1 day' + n * interval '1 ms' as began
                 from generate_series(%(first)s::int, %(first)s + %(count)s - 1) as n""",
            {"held_by": held_by, "first": first, "count": count},
        )
        connection.execute("insert into real_users (id, name) select user_id, 'user-' || n from new_chats")
        connection.execute("insert into fictional_users (id, name) select profile_id, 'profile-' || n from new_chats")
        answered = state in ("waiting_real_user_reply", "completed")
        connection.execute(
            """insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active, assigned_operator_id,
                                  assignment_time, last_operator_id, operator_replied_at, created_at, updated_at)
               select id, user_id, profile_id, %(state)s, %(state)s <> 'completed',
                      case when %(state)s = 'assigned' then holder end,
                      case when %(state)s = 'assigned' then began + interval '2 hours' end,
                      case when %(state)s = 'assigned' then holder when %(answered)s then %(writer)s end,
                      case when %(answered)s then began + interval '1 hour' end, began, began
                 from new_chats""",
            {"state": "waiting_assignment" if state == "empty" else state, "answered": answered, "writer": operator_id(1)},
        )
        if state != "empty":
            connection.execute(
                "insert into messages (chat_id, sender_type, content, created_at) select id, 'real', 'hello', began from new_chats"
            )
        if answered:
            connection.execute(
                """insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at)
                   select id, 'fictional', 'hi', %s, began + interval '1 hour' from new_chats""",
                (operator_id(1),),
            )
        if state == "assigned":
            connection.execute(
                """insert into chat_assignments (chat_id, operator_id, assigned_at)
                   select id, holder, began + interval '2 hours' from new_chats"""
            )
            connection.execute(
                """insert into operator_activity (chat_id, operator_id, last_activity, updated_at)
                   select id, holder, now(), now() from new_chats"""
            )


def furnish(
    database: Database,
    operators: int,
    *,
    held: int = 0,
    waiting: int = 0,
    answered: int = 0,
    over: int = 0,
    empty: int = 0,
    away: bool = False,
) -> Database:
    """Operators from op-1 on, of whom the first hold chats 1, 2 …; 11 … wait, 21 … are answered, 31 … over, 41 … without a message.

    `away`: the next two operators are not available, and not active.
    """
    add_operators(database, operators)
    if away:
        add_operators(database, 1, first=operators + 1, available=False)
        add_operators(database, 1, first=operators + 2, active=False)
    if held:
        add_chats(database, held, state="assigned", held_by=1)
    states = ((waiting, "waiting_assignment"), (answered, "waiting_real_user_reply"), (over, "completed"), (empty, "empty"))
    for tens, (count, state) in enumerate(states, 1):
        if count:
            add_chats(database, count, first=10 * tens + 1, state=state)
    return database
