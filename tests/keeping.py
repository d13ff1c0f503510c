"""Sessions of chatops that are kept from one run inside this process to the next, as a pooler by session keeps them.

For tests that ask one database many things: a session costs as much to begin as many a question, and each learns the catalog anew.
Not for those about sessions, roles and settings: what is set for a role or a database holds for sessions that begin after it; a test
about that in a file of `KEEPS` is marked `own_sessions`. In the long form each run has a session of its own.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any, Self

import psycopg
import pytest
from psycopg import pq

Key = tuple[tuple[str, str], ...]
AS_IT_BEGAN = b"discard all"
"""What a pooler says between two clients."""
KEEPS = {
    "test_adopt",
    "test_adopt_folders",
    "test_adopted_functions",
    "test_by_hand",
    "test_cannot_be_seen",
    "test_capture",
    "test_chats",
    "test_close_reopen",
    "test_completion",
    "test_completion_accepted",
    "test_deploy",
    "test_diagnose",
    "test_diagnose_more",
    "test_diagnose_short",
    "test_docs",
    "test_drain",
    "test_encodings",
    "test_every_stop",
    "test_first_screen",
    "test_fleet_mixed",
    "test_folders",
    "test_follow_the_help",
    "test_formats",
    "test_from_then_on",
    "test_going_back",
    "test_guard",
    "test_hand_over",
    "test_harms",
    "test_healthy_systems",
    "test_helps_that_mend",
    "test_hostile_files",
    "test_hostile_text",
    "test_lists",
    "test_log",
    "test_lost_rights",
    "test_migrate_again",
    "test_migrate_repairs",
    "test_migrate_steps",
    "test_monitor",
    "test_names",
    "test_narrow",
    "test_new_and_wait",
    "test_odd_schemas",
    "test_on_call_faults",
    "test_other_words",
    "test_partitioned",
    "test_pause",
    "test_planted_operators",
    "test_printed_commands",
    "test_questions",
    "test_reassign",
    "test_rehearse",
    "test_release",
    "test_repair",
    "test_repair_migrations",
    "test_report",
    "test_safety_kept",
    "test_scenarios",
    "test_screens",
    "test_secrets",
    "test_sequences",
    "test_settings_ranges",
    "test_show",
    "test_snooze",
    "test_status",
    "test_strangers",
    "test_structure",
    "test_switches_say_so",
    "test_take_over",
    "test_tenants",
    "test_tenants_pasted",
    "test_undo",
    "test_unreadable_times",
    "test_verify",
    "test_version_skew",
    "test_vital",
    "test_write_strange",
    "test_writes",
    "test_wrong_place",
    "test_wrong_rows",
}
"""The files of tests in whose quick form they are kept."""
_kept: dict[Key, list[pq.abc.PGconn]] = {}
_one_at_a_time = threading.Lock()
_connect = psycopg.connect
_GONE = pq.PGconn.connect(b"host=/nowhere")


class Keeping(psycopg.Connection[Any]):
    """A connection whose session, once it is closed with nothing under way, is there for the next to the same place."""

    key: Key = ()

    @classmethod
    def connect(cls, conninfo: str = "", **how: Any) -> Self:  # type: ignore[override]
        """A session of before where one lives, else a new one."""
        name = str(how.get("application_name", ""))
        if not name.startswith("chatops ") or conninfo:
            return _connect(conninfo, **how)  # type: ignore[return-value]
        named = (*how.items(), *((variable, value) for variable, value in os.environ.items() if variable.startswith("PG")))
        key = tuple(sorted((one, str(value)) for one, value in named if one != "application_name"))
        while (pgconn := _taken(key)) is not None:
            if pgconn.exec_(AS_IT_BEGAN).status == pq.ExecStatus.COMMAND_OK:
                found = cls(pgconn)
                found._autocommit, found.prepare_threshold = bool(how.get("autocommit")), how.get("prepare_threshold", 5)
                found.execute("select pg_catalog.set_config('application_name', %s, false)", (name,))
                break
            pgconn.finish()
        else:
            found = super().connect(**how)
        found.key = key
        return found

    def close(self) -> None:
        """Keeps the session, where it is whole and nothing is under way in it."""
        pgconn = self.pgconn
        if (pgconn.status, pgconn.transaction_status) != (pq.ConnStatus.OK, pq.TransactionStatus.IDLE):
            super().close()
            return
        self.pgconn, self._closed = _GONE, True
        with _one_at_a_time:
            _kept.setdefault(self.key, []).append(pgconn)


def _taken(key: Key) -> pq.abc.PGconn | None:
    with _one_at_a_time:
        ready = _kept.get(key)
        return ready.pop() if ready else None


def let_go() -> None:
    """Ends all sessions that are kept: a database that somebody is connected to cannot be copied."""
    with _one_at_a_time:
        for ready in _kept.values():
            for pgconn in ready:
                pgconn.finish()
        _kept.clear()


@contextlib.contextmanager
def kept_sessions() -> Iterator[None]:
    """Inside the block sessions of chatops are kept; after it none is left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg, "connect", Keeping.connect)
        try:
            yield
        finally:
            let_go()
