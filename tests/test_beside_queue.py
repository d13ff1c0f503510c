"""Who waits beside the queue, and whom somebody keeps locked, is counted alike on every screen that says how many wait."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from chatops import db
from chatops.chats import beside_queue, desk
from chatops.screens import console_why
from tests.ailing import deployed, mended, opened
from tests.conftest import Result
from tests.servers import Database

__all__ = ["deployed", "mended"]

Run = Callable[..., Result]
WAITING = "select id from chats where chat_state = 'waiting_assignment' and is_active and waiting_since is not null"
PAST_TRIGGERS = """alter table messages disable trigger user;
    insert into messages (chat_id, sender_type, content)
    select id, 'real', 'past' from chats where chat_state = 'waiting_real_user_reply' and is_active order by id limit 3;
    alter table messages enable trigger user"""
CLOCKLESS = f"""set chatops.write = 'function'; update chats set waiting_since = null where id in ({WAITING} order by id limit 2);
    reset chatops.write"""


@contextmanager
def reading(database: Database) -> Iterator[db.Database]:
    """Our own connection to it, in a snapshot."""
    with opened(database) as ours, ours.reading():
        yield ours


@contextmanager
def keeps_locked(database: Database, chats: str) -> Iterator[int]:
    """A session that locks chats for as long as it is looked at, and is no assigning: its transaction is two seconds old."""
    session = database.connect(application_name="backoffice")
    session.execute("begin")
    session.execute(f"select from chats where id in ({chats}) for update".encode())
    ends = time.monotonic() + 60
    while not database.value("select bool_or(xact_start < clock_timestamp() - interval '2 s') from pg_stat_activity where pid = %s",
                             (session.info.backend_pid,)):  # fmt: skip
        assert time.monotonic() < ends
    try:
        yield session.info.backend_pid
    finally:
        session.execute("rollback")


@pytest.mark.parametrize(
    "texts", [[PAST_TRIGGERS], [CLOCKLESS], [PAST_TRIGGERS, CLOCKLESS]], ids=["overlooked", "clockless", "both"]
)
def test_users_in_no_queue_are_counted_in_the_first_line_of_every_screen(
    mended: Database, chatops_inprocess: Run, texts: list[str]
) -> None:
    for text in texts:
        mended.script(text)
    diagnosed = chatops_inprocess("diagnose", db=mended, terminal=(120, 30), check=1).stdout
    told = re.search(r", (\+\d+ in no queue)", diagnosed)
    assert told is not None, diagnosed
    for command in ("queue", "summary"):
        page = chatops_inprocess(command, db=mended, terminal=(120, 30), check=0).stdout
        assert f" · {told[1]} · oldest" in page, page
    handed = chatops_inprocess("summary", "--since", "1h", db=mended, terminal=(120, 30), check=0).stdout
    assert f"{told[1]}" in next(line for line in handed.splitlines() if line.startswith("now: ")), handed
    stuck = chatops_inprocess("stuck", db=mended, terminal=(120, 30), check=0).stdout
    assert re.match(rf"{told[1][1:].split()[0]} users wait in no queue, oldest ", stuck), stuck
    named = re.search(r"chatops (diagnose --only \S+)", stuck)
    assert named is not None
    chatops_inprocess(*named[1].split(), db=mended, check=1)


def test_nobody_beside_the_queue_is_not_spoken_of(mended: Database, chatops_inprocess: Run) -> None:
    for command in ("queue", "summary", "stuck"):
        page = chatops_inprocess(command, db=mended, terminal=(120, 30), check=0).stdout
        assert not re.search("in no queue|locked", page), page


def test_who_keeps_all_that_wait_locked_is_told_at_once_and_nobody_else_is_blamed(
    mended: Database, chatops_inprocess: Run
) -> None:
    waiting = int(mended.value(f"select count(*) from ({WAITING}) as w"))
    with keeps_locked(mended, WAITING) as pid:
        shown = chatops_inprocess("diagnose", db=mended, terminal=(120, 30), check=1).stdout
        assert f", {waiting} of {waiting} locked" in shown, shown
        assert re.search(rf"^DB010 +the session with pid {pid} holds row locks on all {waiting} waiting chats", shown, re.M), (
            shown
        )
        full = chatops_inprocess("diagnose", "--only", "DB010", db=mended, check=1).stdout
        assert full.partition("\n   so ")[2].lstrip().startswith("nobody is given the waiting chats that it has locked")
        for command in ("queue", "summary"):
            assert f" · {waiting} of {waiting} locked" in chatops_inprocess(command, db=mended, check=0).stdout
        chat = str(mended.value(f"{WAITING} order by waiting_since limit 1"))
        page = chatops_inprocess("show", chat, db=mended, terminal=(100, 40), check=None).stdout
        assert f"locked by pid {pid}" in page
        assert "nobody can take it now" in page
        assert not re.search("could take it now|nobody fetches it", page), page
        with reading(mended) as database:
            look = desk.read(database, timedelta(minutes=30))
        told = {console_why.why(one, look, console_why.free_of(look), 0, show_names=True) for one in look.waiting or ()}
        assert told == {f"locked by pid {pid}"}
    chatops_inprocess("diagnose", "--only", "DB010", db=mended, check=0)


@pytest.mark.sampled(1)
@pytest.mark.parametrize(("locked", "found"), [(0.6, True), (0.3, False)])
def test_half_of_those_who_wait_are_told_without_delay_and_fewer_after_a_while(
    mended: Database, chatops_inprocess: Run, locked: float, found: bool
) -> None:
    waiting = int(mended.value(f"select count(*) from ({WAITING}) as w"))
    many = round(waiting * locked)
    with keeps_locked(mended, f"{WAITING} order by id limit {many}"):
        shown = chatops_inprocess("diagnose", "--only", "DB010", db=mended, check=int(found)).stdout
        assert (f"row locks on {many} of {waiting} waiting chats" in shown) is found, shown


def test_what_cannot_be_counted_in_time_is_left_open(
    mended: Database, chatops_inprocess: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended.script(PAST_TRIGGERS)
    with mended.connect().transaction() as _:
        pass
    monkeypatch.setattr(beside_queue, "LIMIT_MS", 1)
    monkeypatch.setattr(beside_queue.reports, "query", lambda _, file: f"select pg_sleep(1), '{file}' as chats")
    with reading(mended) as database:
        assert beside_queue.read(database) == beside_queue.Beside()
        assert database.value("select 1") == 1, "and what comes after goes on"


def test_with_many_chats_the_first_line_costs_as_little_and_users_in_no_queue_are_left_to_diagnose(
    mended: Database, chatops_inprocess: Run
) -> None:
    """Each chat would be looked at: that is left out where the statistics say that they are many."""
    mended.script(PAST_TRIGGERS)
    assert '"in_no_queue": 3' in chatops_inprocess("queue", "-o", "json", db=mended, check=0).stdout
    mended.execute("update pg_class set reltuples = 1000000 where oid = 'chats'::regclass")
    for words in (("queue",), ("summary",)):
        assert '"in_no_queue": null' in chatops_inprocess(*words, "-o", "json", db=mended, check=0).stdout
    with reading(mended) as ours:
        assert beside_queue.read(ours).in_no_queue is None
