"""A trigger of others that loses rows without a word: how loud it is told goes by what it may hit."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

import pytest

from chatops.checks import explain, load, run
from chatops.db import Database as Connection
from tests.ailing import opened
from tests.conftest import Result
from tests.servers import Database
from tests.test_checks_long import undone
from tests.test_harms import platform

__all__ = ["platform"]

DB019 = tuple(check for check in load.shipped() if check.code == "DB019")
MESSAGE, CHAT = "before insert on messages", "before insert on chats"

CASES = [
    # Ordinary rows: of users, of operators, chats.
    (MESSAGE, "if new.sender_type = 'real' and length(new.content) < 20 then return null; end if; return new;", "critical"),
    (MESSAGE, "if new.sender_type = 'fictional' then return null; end if; return new;", "critical"),
    (MESSAGE, "if random() < 0.5 then new := null; end if; return new;", "critical"),
    (MESSAGE, "if extract(hour from now()) < 8 then return null; end if; return new;", "critical"),
    ("before insert or update on messages", "if tg_op = 'DELETE' then return old; end if; if new.is_free_message then return null; end if; return new;", "critical"),
    (MESSAGE, "case when new.is_free_message then return null; else return new; end case;", "critical"),
    (CHAT, "if new.is_active then return null; end if; return new;", "critical"),
    (f"{MESSAGE} when:(length(new.content) < 20)", "return null;", "critical"),
    ("after insert on messages", "delete from messages where id = new.id; return null;", "critical"),
    ("after insert on messages", "if length(new.content) < 20 then delete from public.messages m where m.id = new.id; end if; return null;", "critical"),
    # What is looked up, searched for, or not ordinary: nobody can tell from here.
    (MESSAGE, "if new.content ~ 'casino' then return null; end if; return new;", "warning"),
    (MESSAGE, "if exists (select from operators o where o.id = new.handled_by_operator_id) then return null; end if; return new;", "warning"),
    (MESSAGE, "if looks_like_spam(new.content) then return null; end if; return new;", "warning"),
    (MESSAGE, "if btrim(new.content) = '' then return null; end if; return new;", "warning"),
    (MESSAGE, "if length(new.content) > 10000 then return null; end if; return new;", "warning"),
    ("before update on chats", "if new.chat_state = 'completed' then return null; end if; return new;", "critical"),
    # Nothing that anybody misses.
    ("before update on chats", "if new is not distinct from old then return null; end if; return new;", "advice"),
    ("before update on chats when:(old.* is not distinct from new.*)", "return null;", "advice"),
    (MESSAGE, "if exists (select from messages m where m.id = new.id) then return null; end if; return new;", "advice"),
    ("before insert on operator_activity", "if exists (select from operator_activity a where a.chat_id = new.chat_id) then return null; end if; return new;", "advice"),
    ("before delete on messages", "if old.is_free_message then return null; end if; return old;", "advice"),
    (MESSAGE, "if tg_op = 'DELETE' then return null; end if; return new;", None),
    (MESSAGE, "if length(new.content) > 4000 then raise exception 'too long'; end if; return new;", None),
    ("after insert on messages", "delete from messages where chat_id = new.chat_id and created_at < now() - interval '9 years'; return null;", "advice"),
]  # fmt: skip


REFUSING = [
    # What it refuses is written every day.
    (MESSAGE, "if length(new.content) > 30 then raise exception 'too long'; end if; return new;", "a long message of a user, a long reply"),
    (MESSAGE, "if new.sender_type = 'fictional' and length(new.content) > 30 then raise 'x'; end if; return new;", "a long reply"),
    (MESSAGE, "if new.sender_type = 'fictional' then if length(new.content) > 30 then raise 'x'; end if; end if; return new;", "a long reply"),
    (MESSAGE, "if new.sender_type = 'real' then return new; end if; raise exception 'frozen';", "a long reply, a reply"),
    (MESSAGE, "if new.sender_type in ('real') then return new; else raise exception 'frozen'; end if;", "a long reply, a reply"),
    (MESSAGE, "if new.sender_type <> 'real' then null; elsif length(btrim(new.content)) > 30 then raise 'x'; end if; return new;", "a long message of a user"),
    (MESSAGE, "assert length(new.content) <= 30, 'no; if then'; return new;", "a long message of a user, a long reply"),
    (MESSAGE, "if new.handled_by_operator_id is not null then perform 1 / 0; end if; return new;", "a long reply, a reply"),
    (MESSAGE, "if not new.is_free_message then perform says_no(); end if; return new;", "a long message of a user, a long reply, a message of a user, a reply"),
    (f"{MESSAGE} when:(new.sender_type = 'real')", "raise exception 'frozen';", "a long message of a user, a message of a user"),
    (f"{MESSAGE} when:(new.sender_type in ('fictional', 'x') and length(new.content) > 30)", "raise exception 'frozen';", "a long reply"),
    ("after insert on messages", "if length(new.content) > 30 then raise exception 'too long'; end if; return null;", "a long message of a user, a long reply"),
    ("constraint: after insert on messages deferrable initially deferred", "if length(new.content) > 30 then raise 'x'; end if; return null;", "a long message of a user, a long reply"),
    ("before update on chats", "if new.chat_state = 'assigned' then raise exception 'frozen'; end if; return new;", "a chat that is held"),
    ("before insert or update on chats", "if tg_op = 'INSERT' and new.message_count = 0 then raise exception 'frozen'; end if; return new;", "a new chat"),
    ("before update on chats", "if new.is_active is false then raise exception 'frozen'; end if; return new;", "a chat that ended"),
    ("before update on chat_assignments", "if new.released_at is not null then raise exception 'frozen'; end if; return new;", "a turn that ended idle, a turn that ended in a reply"),
    # Well meant, or nobody can tell from here.
    (MESSAGE, "if length(new.content) > 4000 then raise exception 'too long'; end if; return new;", None),
    (MESSAGE, "if btrim(new.content) = '' then raise exception 'empty'; end if; return new;", None),
    (MESSAGE, "if new.content is null or new.sender_type not in ('real', 'fictional') then raise exception 'no'; end if; return new;", None),
    (MESSAGE, "if length(new.content) > 30 then raise notice 'long'; end if; return new;", None),
    (MESSAGE, "if new.sender_type = 'real' then return new; end if; if new.handled_by_operator_id is null then raise 'who?'; end if; return new;", None),
    (MESSAGE, "if length(new.content) > 30 then begin raise 'x'; exception when others then null; end; end if; return new;", None),
    (MESSAGE, "if new.content = new.sender_type || 5 then raise 'x'; end if; return new;", None),
    (MESSAGE, "if (select count(*) from messages m where m.chat_id = new.chat_id) > 900 then raise exception 'full'; end if; return new;", None),
    ("before update on chats", "if old.chat_state = 'completed' and new.chat_state <> 'completed' then raise exception 'over'; end if; return new;", None),
    ("before update on chats", "if new.chat_state = 'assigned' and new.assigned_operator_id is null then raise 'x'; end if; return new;", None),
]  # fmt: skip


def found(connection: Connection) -> list[str]:
    """How bad each row of DB019 is that names the trigger."""
    (result,) = run.run(connection, DB019, rows=20, whole_seconds=600).results
    assert result.status != "unknown"
    rows = [row for row in result.rows if str(row["object"]).endswith(".own_filter")]
    return [result.severity.value for _ in rows[:1]]


@pytest.mark.long
def test_what_loses_rows_is_as_loud_as_what_it_may_hit(platform: Database) -> None:
    wrong = []
    with opened(platform, "migrate") as connection, connection.acting(rollback=True):
        for moment, body, expected in CASES:
            moment, _, when = moment.partition(" when:")
            with undone(connection):
                connection.script(
                    f"create function own_filter() returns trigger language plpgsql as $f$ begin {body} end $f$;"
                    f"create trigger own_filter {moment} for each row {f'when {when}' if when else ''} execute function own_filter()"
                )
                if (told := found(connection)) != ([expected] if expected else []):
                    wrong.append(f"{moment}: {body} {expected}, told as {told}")
    assert wrong == [], "\n".join(wrong)


@pytest.mark.long
def test_what_refuses_rows_names_those_that_are_written_every_day(platform: Database) -> None:
    """An error on some way through the body, by the conditions of that way."""
    wrong = []
    with opened(platform, "migrate") as connection, connection.acting(rollback=True):
        connection.script("create function says_no() returns void language plpgsql as $f$ begin raise 'no'; end $f$")
        for moment, body, expected in REFUSING:
            moment, _, when = moment.partition(" when:")
            kind, colon, moment = moment.rpartition(": ")
            with undone(connection):
                connection.script(
                    f"create function own_filter() returns trigger language plpgsql as $f$ begin {body} end $f$;"
                    f"create {kind if colon else ''} trigger own_filter {moment} for each row {f'when {when}' if when else ''} "
                    "execute function own_filter()"
                )
                (result,) = run.run(connection, DB019, rows=20, whole_seconds=600).results
                told = [str(row["trouble"]) for row in result.rows if str(row["object"]).endswith(".own_filter")]
                if told != ([f"refuses {expected}"] if expected else []) or (expected and result.severity.value != "critical"):
                    wrong.append(f"{moment}: {body} {expected}, told as {told or result.reason} {result.severity.value}")
    assert wrong == [], "\n".join(wrong)


def test_its_help_shows_the_text_and_it_says_whose_messages_are_lost(
    latest_database: Database, chatops: Callable[..., Result]
) -> None:
    """By a command that runs as it is printed, with whose function it is; and nothing else is said of other objects."""
    latest_database.script(
        """create schema "o'Neil"; create function "o'Neil".spam() returns trigger language plpgsql as
        $f$ begin if length(new.content) < 20 then return null; end if; return new; end $f$;
        create trigger a_spam before insert on messages for each row execute function "o'Neil".spam();
        create rule beside as on update to chats do also notify beats"""
    )
    told = chatops("diagnose", "--only", "DB019", db=latest_database, check=1).stdout
    assert "messages of users and operators may be lost without a word" in " ".join(told.split())
    assert "owner" in told
    commands = [shlex.split(line) for line in re.findall(r"chatops (psql -- -c '.*?') shows", told)]
    assert len(commands) == 2, told
    shown = [chatops(*command, db=latest_database, check=0).stdout for command in commands]
    assert any("length(new.content) < 20" in text for text in shown)
    assert any("beside AS" in text for text in shown)
    # What is left behind once the trigger is gone is told, unless somebody else uses it.
    left = re.search(r"left behind then, and no other trigger uses it: (drop function .*;)$", told, re.M)
    assert left is not None, told
    latest_database.execute('create trigger b_spam before insert on operators for each row execute function "o\'Neil".spam()')
    assert "left behind" not in chatops("diagnose", "--only", "DB019", db=latest_database, check=1).stdout
    latest_database.script("drop trigger a_spam on messages; drop trigger b_spam on operators;" + left[1])


def test_no_help_is_the_name_of_a_column() -> None:
    """Where there is no row, what is told row by row stands with the finding."""
    for check in load.shipped():
        for label, text in explain.parts(check):
            assert not re.fullmatch(r"(?:chatops )?[A-Z_]+", text), (check.code, label, text)
