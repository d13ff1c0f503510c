"""A shift for the tests that move chats: operators, and chats in every state, with ids that a person can read."""

from __future__ import annotations

from uuid import UUID, uuid4

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
    numbers = range(first, first + count)
    made = {
        "number": list(numbers),
        "chat": [chat_id(number) for number in numbers],
        "person": [uuid4() for _ in numbers],
        "profile": [uuid4() for _ in numbers],
        "holder": [operator_id((held_by or 0) + number - first) for number in numbers],
        "state": "waiting_assignment" if state == "empty" else state,
        "held": state == "assigned",
        "answered": (answered := state in ("waiting_real_user_reply", "completed")),
        "writer": operator_id(1),
    }
    connection = database.kept()
    with connection.transaction():
        connection.execute(
            """with users as (insert into real_users (id, name)
                              select id, 'user-' || n from unnest(%(person)s::uuid[], %(number)s::int[]) as u (id, n))
               insert into fictional_users (id, name)
               select id, 'profile-' || n from unnest(%(profile)s::uuid[], %(number)s::int[]) as u (id, n)""",
            made,
        )
        connection.execute(
            """insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active, assigned_operator_id,
                                  assignment_time, last_operator_id, operator_replied_at, created_at, updated_at)
               select id, person, profile, %(state)s, %(state)s <> 'completed', case when %(held)s then holder end,
                      case when %(held)s then began + interval '2 hours' end,
                      case when %(held)s then holder when %(answered)s then %(writer)s::uuid end,
                      case when %(answered)s then began + interval '1 hour' end, began, began
                 from unnest(%(chat)s::uuid[], %(person)s::uuid[], %(profile)s::uuid[], %(holder)s::uuid[], %(number)s::int[])
                   as u (id, person, profile, holder, n)
                cross join lateral (select now() - interval '1 day' + n * interval '1 ms' as began) as b""",
            made,
        )
        if state != "empty":
            connection.execute(
                """insert into messages (chat_id, sender_type, content, created_at)
                   select id, 'real', 'hello', created_at from chats where id = any (%(chat)s::uuid[])""",
                made,
            )
        if answered:
            connection.execute(
                """insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at)
                   select id, 'fictional', 'hi', %(writer)s, created_at + interval '1 hour' from chats where id = any (%(chat)s::uuid[])""",
                made,
            )
        if state == "assigned":
            connection.execute(
                """with turns as (insert into chat_assignments (chat_id, operator_id, assigned_at)
                                  select id, assigned_operator_id, assignment_time from chats where id = any (%(chat)s::uuid[]))
                   insert into operator_activity (chat_id, operator_id, last_activity, updated_at)
                   select id, assigned_operator_id, now(), now() from chats where id = any (%(chat)s::uuid[])""",
                made,
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
