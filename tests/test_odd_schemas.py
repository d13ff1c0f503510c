"""Systems whose tables are of other types, or lack what is optional: each command answers, or says by name what it cannot know.

By default every third command on each, taking turns, on 18; with CHATOPS_TEST_LONG=1 all of them, on each server where types differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from tests.conftest import LONG, Result, build_core, server_labels
from tests.servers import Database, Farm
from tests.test_tables import SYSTEM

Run = Callable[..., Result]

WITHOUT_ZONE = """do $$ declare v record; begin
  drop view if exists chat_state_summary cascade;
  for v in select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
            where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.atttypid = 'timestamptz'::regtype
  loop
    execute format('alter table %I alter column %I type timestamp', v.relname, v.attname);
  end loop;
end $$"""
STATE_AS_ENUM = """do $$ declare v record; begin
  drop view if exists chat_state_summary cascade;
  for v in select conname from pg_constraint where conrelid = 'chats'::regclass and contype = 'c' loop
    execute format('alter table chats drop constraint %I', v.conname);
  end loop;
  for v in select tgname from pg_trigger where tgrelid = 'chats'::regclass and not tgisinternal loop
    execute format('drop trigger %I on chats', v.tgname);
  end loop;
  for v in select indexrelid::regclass as index from pg_index where indrelid = 'chats'::regclass and indpred is not null loop
    execute format('drop index %s', v.index);
  end loop;
  create type chat_state as enum ('waiting_assignment', 'assigned', 'waiting_real_user_reply', 'completed');
  alter table chats alter column chat_state drop default;
  alter table chats alter column chat_state type chat_state using chat_state::chat_state;
  alter table chats alter column chat_state set default 'waiting_assignment';
end $$"""
SENDER_AS_ENUM = """do $$ declare v record; begin
  for v in select conname from pg_constraint where conrelid = 'messages'::regclass and contype = 'c' loop
    execute format('alter table messages drop constraint %I', v.conname);
  end loop;
  for v in select indexrelid::regclass as index from pg_index where indrelid = 'messages'::regclass and indpred is not null loop
    execute format('drop index %s', v.index);
  end loop;
  drop trigger if exists update_chat_on_message on messages;
  create type sender as enum ('real', 'fictional');
  alter table messages alter column sender_type type sender using sender_type::sender;
end $$"""

ODD = {
    "timestamps without zone": WITHOUT_ZONE,
    "the state is an enum": STATE_AS_ENUM,
    "the sender is an enum": SENDER_AS_ENUM,
    "no table operator_activity": "drop table operator_activity cascade",
    "no table platform_config": "drop table platform_config cascade",
    "no table chat_assignments": "drop table chat_assignments cascade",
    "no table fictional_users": "drop table fictional_users cascade",
    "no column last_activity": "alter table operators drop column last_activity cascade",
    "no column total_messages": "alter table operators drop column total_messages cascade",
    "no column email": "alter table operators drop column email cascade",
    "no column message_count": "drop view if exists chat_state_summary; alter table chats drop column message_count cascade",
    "no column updated_at": "alter table chats drop column updated_at cascade",
    "no column last_operator_id": "alter table chats drop column last_operator_id cascade",
    "no column release_reason": "alter table chat_assignments drop column release_reason cascade",
    "names are of varchar": "alter table operators alter column name type varchar(80), alter column is_active type boolean",
    "a message is forever": "update messages set created_at = '-infinity' where chat_id::text like 'c0000001%'",
}
TYPES = ("timestamps without zone", "the state is an enum", "the sender is an enum")
COMMANDS = [
    ("summary",), ("queue",), ("stuck",), ("operators",), ("chats",), ("show", "chat", "c0000001"), ("show", "operator", "bert"),
    ("diagnose",), ("diagnose", "c0000004"), ("verify",), ("report",), ("release", "c0000004", "--dry-run"),
    ("reassign", "c0000001", "--to", "auto", "--dry-run"), ("release", "--idle", "--dry-run"), ("status",),
]  # fmt: skip


@pytest.mark.sampled(6)
@pytest.mark.long
@pytest.mark.parametrize(
    ("label", "odd"), [("18", odd) for odd in ODD] + [("15", odd) for odd in TYPES if "15" in server_labels()]
)
def test_an_answer_or_unknown_by_name_but_never_a_traceback(
    new_database: Callable[..., Database], farm: Farm, chatops_inprocess: Run, label: str, odd: str
) -> None:
    def build(database: Database) -> None:
        build_core(database)
        database.script(SYSTEM)

    server = farm.server(label)
    database = new_database(on=server, template=farm.template(server, "small-system", build))
    database.script(ODD[odd])
    turn = list(ODD).index(odd)
    for place, words in enumerate(COMMANDS):
        if not LONG and (place + turn) % 3:
            continue
        for form in ("plain", "json")[(place + turn // 3) % 2 :][:1]:
            result = chatops_inprocess(*words, "-o", form, db=database)
            said = f"{odd}: chatops {' '.join(words)} -o {form}: {result.exit_code}\n{result.stdout}\n{result.stderr}"
            assert result.exit_code in (0, 1, 2, 4), said
            assert "Traceback" not in result.stdout + result.stderr, said
            if result.exit_code in (2, 4):
                assert "✗" in result.stderr or "was not" in result.stdout or '"failed"' in result.stdout, said
                assert "Do it" not in result.stdout, said
            if form == "json" and result.stdout:
                json.loads(result.stdout)


NUMBER = re.compile(r"^[a-z0-9_]+(\{.*\})? (NaN|[+-]Inf|-?[0-9.]+(e[+-]?[0-9]+)?)$")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("instant", ["-infinity", "infinity", "0044-03-15 00:00:00 BC", "40000-01-01"])
def test_a_wait_that_no_clock_can_tell_gives_figures_that_prometheus_reads(
    core_database: Database, chatops_inprocess: Run, instant: str
) -> None:
    core_database.script(SYSTEM)
    core_database.execute("update messages set created_at = %s where chat_id::text like 'c0000001%%'", (instant,))
    core_database.execute("update operators set last_activity = %s where name = 'Free Frida'", (instant,))
    core_database.execute("update chats set assignment_time = %s where id::text like 'c0000004%%'", (instant,))
    asked = [(word, form) for word in ("summary", "queue", "stuck", "operators") for form in ("prometheus", "plain")]
    for word, form in [*asked, ("diagnose", "prometheus"), ("verify", "nagios")]:
        result = chatops_inprocess(word, "-o", form, db=core_database)
        said = f"{word} {form}: {result.exit_code}\n{result.stdout}\n{result.stderr}"
        assert result.exit_code in (0, 1, 2), said
        assert "a bug in chatops" not in result.stdout + result.stderr, said
        for line in result.stdout.splitlines() if form == "prometheus" else ():
            assert line.startswith("#") or NUMBER.match(line), said
            if line.startswith("chatops_queue_") and "timestamp" not in line:
                assert 0 <= float(line.rpartition(" ")[2]) < 4e9, said
