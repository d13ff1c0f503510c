"""What a person means by an id or a name: as it was copied from a screen, and one character off."""

from __future__ import annotations

import json
import random
import re
import shlex
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatops import names
from tests.conftest import Result
from tests.servers import Database
from tests.shift import add_chats, add_operators, chat_id, furnish, operator_id

Run = Callable[..., Result]
AROUND = [("'", "'"), ('"', '"'), ("“", "”"), ("`", "`"), ("(", ")"), ("<", ">"), ("", ","), ("", ";"), (" ", "\n"), ("\u200b", "\ufeff")]  # fmt: skip


@given(st.uuids(), st.integers(4, 36), st.lists(st.sampled_from(AROUND), max_size=3), st.sampled_from(["", "…", "..."]))
def test_an_id_is_understood_as_it_was_copied(whole: UUID, length: int, around: list[tuple[str, str]], cut: str) -> None:
    text = str(whole)[:length]
    copied = text + cut
    for before, after in around:
        copied = before + copied + after
    assert names.as_meant(copied) == text


@given(
    st.uuids(),
    st.sampled_from([8, 13, 36]),
    st.randoms(use_true_random=False),
    st.sampled_from(["other", "less", "more", "swapped"]),
)
def test_an_id_that_is_one_character_off_is_near(whole: UUID, length: int, chance: random.Random, how: str) -> None:
    text = str(whole)[:length].replace("-", "")
    at = chance.randrange(len(text) - 1)
    wrong = {
        "other": text[:at] + chance.choice("0123456789abcdefolg") + text[at + 1 :],
        "less": text[:at] + text[at + 1 :],
        "more": text[:at] + chance.choice("0123456789abcdef") + text[at:],
        "swapped": text[:at] + text[at + 1] + text[at] + text[at + 2 :],
    }[how]
    if wrong != text:
        assert any(low <= whole <= high for low, high in names.near_ids(wrong)), wrong


@pytest.fixture
def shift(core_database: Database) -> Database:
    furnish(core_database, 4, held=1, waiting=2)
    core_database.execute("update operators set name = 'Gerda Lang' where name = 'op-3'")
    return core_database


def test_a_copied_id_names_its_chat_in_every_command(shift: Database, chatops_inprocess: Run) -> None:
    for copied in (
        f"“{str(chat_id(11))[:12]}…”",
        f"'{str(chat_id(11))[:8]}'",
        f'"{chat_id(11)}",',
        f"{str(chat_id(11))[:10]}...",
    ):
        assert str(chat_id(11)) in chatops_inprocess("show", copied, db=shift, check=0).stdout
        told = chatops_inprocess("reassign", copied, "--to", "‘Gerda Lang’", "--dry-run", db=shift, check=0).stdout
        assert str(chat_id(11)) in told
        assert "No log entry" in chatops_inprocess("log", copied, db=shift, check=0).stdout


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("show", "c4000O11"), str(chat_id(11))),
        (("show", "chat", "c400011"), str(chat_id(11))),
        (("release", "c40000111"), str(chat_id(11))),
        (("show", str(chat_id(11))[:-1] + "9"), str(chat_id(11))),
        (("log", "--chat", "c4000021"), str(chat_id(11))),
        (("show", "uesr-12"), str(chat_id(12))),
        (("show", "operator", "Greda Lang"), str(operator_id(3))),
        (("show", "Gerda Lnag"), str(operator_id(3))),
        (("reassign", "c4000011", "--to", "gerta"), str(operator_id(3))),
        (("drain", str(operator_id(3))[:-1] + "9"), str(operator_id(3))),
    ],
)
def test_who_is_one_character_off_is_asked_whether_they_meant_it(
    shift: Database, chatops_inprocess: Run, words: tuple[str, ...], meant: str
) -> None:
    failed = chatops_inprocess(*words, db=shift, check=2).stderr
    assert any("did you mean" in line and meant in line for line in failed.splitlines()), failed


def test_what_is_near_to_nothing_gets_no_guess(shift: Database, chatops_inprocess: Run) -> None:
    for words in (("show", str(uuid4())), ("show", "nobody at all"), ("reassign", "c4000011", "--to", "somebody else")):
        assert "did you mean" not in chatops_inprocess(*words, db=shift, check=2).stderr
    for words, option in ((("release", "--operator", "op-1"), "--from"), (("log", "--user", "ada"), "--by"), (("queue", "--rows", "3"), "--limit")):  # fmt: skip
        assert f"did you mean {option}?" in chatops_inprocess(*words, db=shift, check=2).stderr


def test_an_ambiguous_name_brings_the_likeliest_first_how_many_more_and_the_command_that_lists_all(
    shift: Database, chatops_inprocess: Run
) -> None:
    """Chats: who waits or is held, the newest of them first. Operators: who works, and was seen last. In any command."""
    add_chats(shift, 30, first=100, state="completed")
    add_operators(shift, 12, first=100, active=False)
    add_operators(shift, 2, first=200)
    shift.execute("update real_users set name = 'Anna ' || name where name ~ '^user-1[0-9]{1,2}$'")
    shift.execute("update fictional_users set name = 'Annabel ' || name where name = 'profile-1'")
    shift.execute("update operators set name = 'Anne ' || name where name ~ '^op-[12]0'")
    shift.execute("update chats set last_message_at = now() + interval '1 hour' where chat_state = 'completed'")
    total = shift.value(
        """select count(*) from chats c join real_users u on u.id = c.real_user_id join fictional_users f on f.id = c.fictional_user_id
            where u.name ilike '%%ann%%' or f.name ilike '%%ann%%'"""
    )
    newest = [
        str(row[0])
        for row in shift.execute(
            """select c.id from chats c join real_users u on u.id = c.real_user_id join fictional_users f on f.id = c.fictional_user_id
                where (u.name ilike '%%ann%%' or f.name ilike '%%ann%%') and chat_state in ('assigned', 'waiting_assignment')
                order by last_message_at desc nulls last, c.id"""
        )
    ]
    assert total > 30
    assert len(newest) == 3
    for words in (
        ("show", "chat", "Ann"),
        ("release", "Ann", "--dry-run"),
        ("log", "--chat", "ann"),
        ("repair", "CHAT003", "--chat", "ann"),
    ):
        told = chatops_inprocess(*words, db=shift, terminal=(200, 60), check=2).stderr
        assert f"“{words[words.index('--chat') + 1] if '--chat' in words else 'Ann'}” matches {total} chats; use an id" in told, (
            told
        )
        ids = re.findall(r"c4\d{6}-[0-9a-f-]{27}", told)
        assert ids[:3] == newest, words
        assert len(ids) == 10
        assert f"and {total - 10} more" in told
        command = re.search(r"all chats: (chatops .*)", told)
        assert command, told
        rows = json.loads(chatops_inprocess(*shlex.split(command[1])[1:], "-o", "json", db=shift, check=0).stdout)
        assert rows["total"] == total
        assert "Anna user-" in told
        assert "Annabel profile-1" in told
        assert re.search(r"assigned|waiting", told)
    for words in (("show", "operator", "anne"), ("drain", "anne"), ("chats", "--holder", "anne"), ("reassign", "c4000011", "--to", "anne"), ("log", "--operator", "anne")):  # fmt: skip
        told = chatops_inprocess(*words, db=shift, terminal=(200, 60), check=2).stderr
        assert "“anne” matches 12 operators; use an id" in told, told
        ids = re.findall(r"0b0{6}-[0-9a-f-]{27}", told)
        assert ids[:2] == [str(operator_id(200)), str(operator_id(201))], words
        assert "and 2 more" in told
        command = re.search(r"all operators: (chatops .*)", told)
        assert command, told
        rows = json.loads(chatops_inprocess(*shlex.split(command[1])[1:], "-o", "json", db=shift, check=0).stdout)
        assert rows["total"] == len(rows["operators"]) == 12
    both = chatops_inprocess("show", "Ann", db=shift, terminal=(200, 60), check=2).stderr
    assert f"matches {total + 12} chats and operators" in both
    assert "all operators: chatops operators --name Ann" in both
    several = chatops_inprocess("release", "Ann", "nobody-at-all", "--dry-run", db=shift, check=2).stderr
    assert newest[0] in several
    prefix = chatops_inprocess("show", "chat", "c400", db=shift, terminal=(200, 60), check=2).stderr
    assert "all chats: chatops chats --name c400" in prefix
