"""What a person means by an id or a name: as it was copied from a screen, and one character off."""

from __future__ import annotations

import random
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatops import names
from tests.conftest import Result
from tests.servers import Database
from tests.shift import chat_id, furnish, operator_id

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
