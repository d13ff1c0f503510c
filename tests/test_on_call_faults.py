"""Faults as somebody on call meets them: what is told and mended is what was, and who suffers is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from chatops import sqlfiles
from chatops.flows.psql_session import told_to_run
from tests.ailing import deployed, mended, plant
from tests.conftest import APPLICATION_OWNER, LONG, Result, url_as
from tests.servers import Database

__all__ = ["deployed", "mended"]

Run = Callable[..., Result]


@pytest.mark.parametrize("ahead", ["3 days", "90 seconds", "infinity"])
def test_clocks_that_are_ahead_become_the_last_that_is_known_and_nobody_who_went_home_comes_back(
    deployed: Database, chatops_inprocess: Run, ahead: str
) -> None:
    """Sure is what they did: a reply, a turn. A mended clock is never newer than what the operator did last, nor is it now."""
    clock = "'infinity'" if ahead == "infinity" else f"now() + interval '{ahead}'"
    did = """select o.id, greatest(
               (select max(m.created_at) from messages m where m.handled_by_operator_id = o.id and m.created_at <= now()),
               (select max(s.assigned_at) from chat_assignments s where s.operator_id = o.id and s.assigned_at <= now()),
               (select max(s.released_at) from chat_assignments s where s.operator_id = o.id and s.released_at <= now()
                   and s.release_reason = 'operator_sent_message')) from operators o"""
    gone = "chatops --db x release --idle"
    deployed.execute("update platform_config set value = '5' where key = 'idle_timeout_minutes'")
    deployed.execute(f"update operators set last_activity = {clock}; update operator_activity set last_activity = {clock}")
    before: dict[object, object] = dict(deployed.execute(did))
    shown = chatops_inprocess("diagnose", "--only", "DATA002", "--rows", "3", "-o", "json", db=deployed, check=1).stdout
    (finding,) = json.loads(shown)["findings"]
    if ahead != "infinity":
        assert "all ahead by the same" in finding["why"], gone
    screen = chatops_inprocess("diagnose", db=deployed, terminal=(80, 40), check=None).stdout
    assert any("DATA002" in line for line in screen.partition("USERS WAIT")[2].partition("ROWS")[0].splitlines()), screen
    for command in (("operators",), ("show", "operator", next(str(one) for one in before))):
        page = chatops_inprocess(*command, db=deployed, terminal=(100, 60), check=0).stdout
        assert "ahead" in page or "infinity" in page, page
        assert "seen 0 s" not in page
    chatops_inprocess("repair", "DATA002", "--yes", db=deployed, check=0)
    for who, clocks in deployed.execute(
        "select o.id, array[o.last_activity] || array(select a.last_activity from operator_activity a where a.operator_id = o.id) from operators o"
    ):
        known = before[who]
        for at in clocks:
            assert at.year == 1970 if known is None else at <= known, (who, at, known)  # type: ignore[operator]
    chatops_inprocess("diagnose", "--only", "DATA002", db=deployed, check=0)


def test_a_role_that_may_do_nothing_but_run_functions_belongs_to_the_application_and_is_missed(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    """Whatever else a role is granted, and whatever it is called: who assigned and may not any more is told as critical."""
    database = latest_database
    database.script(
        "do $$ begin create role authenticated nologin; exception when duplicate_object or unique_violation then null; end $$"
    )

    def found() -> list[dict[str, object]]:
        shown = chatops_inprocess("diagnose", "--only", "DB009", "--only", "DB030", "-o", "json", db=database).stdout
        return json.loads(shown)["findings"]  # type: ignore[no-any-return]

    with database.role("pages", "nologin") as pages, database.role("crons", "nologin") as crons:
        database.execute(f"grant execute on function assign_chat_to_operator(uuid) to {pages}")
        database.execute(f"grant execute on function release_and_reassign_chat(uuid, text) to {pages}, {crons}")
        chatops_inprocess("monitor", "--once", "--store", "--yes", db=database)
        assert found() == []
        for granted in (
            "usage on schema public",
            "execute on function should_keep_assignment(uuid, text, uuid)",
            "select on operator_load",
        ):
            database.execute(f"grant {granted} to authenticated")
            database.execute("revoke execute on function assign_chat_to_operator(uuid) from authenticated")
            (one,) = found()
            assert (one["code"], one["severity"]) == ("DB009", "critical")
            assert one["title"] == "authenticated cannot call assign_chat_to_operator(uuid)"
            database.execute(one["help_sql"])
            assert found() == []
            database.execute("revoke execute on function assign_chat_to_operator(uuid) from authenticated")
            database.execute(f"revoke {granted} from authenticated")
            assert found() == [], "a role of another application of this server"
        database.execute(f"revoke execute on function assign_chat_to_operator(uuid) from {pages}")
        (one,) = found()
        assert (one["code"], one["severity"]) == ("DB030", "critical"), one
        assert pages in str(one["title"])
        database.execute(one["help_sql"])
        assert found() == []


ACTS = (
    "assign_chat_to_operator",
    "operator_reply",
    "user_message",
    "release_chat",
    "release_and_reassign_chat",
    "release_idle_chats",
)


def test_an_application_that_may_only_call_functions_and_not_one_that_it_needs_any_more_is_critical(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    """Its role is known by what chatops keeps; all that it lost is named at once, and the help brings it back: each in turn."""
    database = latest_database

    def found() -> list[dict[str, object]]:
        shown = chatops_inprocess("diagnose", "--only", "DB009,DB030", "-o", "json", db=database).stdout
        return json.loads(shown)["findings"]  # type: ignore[no-any-return]

    with database.role("pages", "nologin") as pages:
        database.execute(f"grant execute on all functions in schema public to {pages}")
        chatops_inprocess("monitor", "--once", "--store", "--yes", db=database)
        for lost in (*((act,) for act in ACTS), ACTS, ("reopen_chat",)):
            named = database.execute("select oid::regprocedure::text from pg_proc where proname = any (%s)", (list(lost),))
            database.execute(f"revoke execute on function {', '.join(row[0] for row in named)} from {pages}")
            (one,) = found()
            assert one["severity"] == ("critical" if {*lost} & {*ACTS} else "warning"), (lost, one)
            (row,) = one["rows"]  # type: ignore[misc]
            assert row["object"] == pages
            assert row["trouble"] == f"may not execute {', '.join(sorted(lost))} any more"
            # The screen draws one act as it draws another: in the quick form the first, all of them, and what is no act.
            if LONG or lost in ((ACTS[0],), ACTS, ("reopen_chat",)):
                screen = chatops_inprocess("diagnose", db=database, terminal=(80, 40), check=1).stdout
                if one["severity"] == "critical":
                    assert all(act in screen for act in lost), screen
            database.execute(one["help_sql"])
            assert found() == [], lost


def test_scenarios_are_lived_through_as_the_roles_of_the_application_too(
    migrated_application_database: Database, chatops_inprocess: Run
) -> None:
    database = migrated_application_database
    urls = (database.url, url_as(database, APPLICATION_OWNER))
    for url in urls:
        page = chatops_inprocess("verify", "--scenarios", "--yes", db=url, check=0).stdout
        assert "✓ as authenticated: assign" in page
        assert "✓ as service_role: assign" in page
        assert "steps that name no role: as p" in page
    assign = "execute on function assign_chat_to_operator(uuid)"
    database.execute(f"revoke {assign} from public")
    for at, refused in enumerate(("authenticated", "service_role")):
        database.execute(f"revoke {assign} from {refused}")
        for url in urls if LONG else urls[at : at + 1]:
            page = chatops_inprocess("verify", "--scenarios", "--yes", db=url, check=1).stdout
            assert f"✗ as {refused}: assign" in page
            assert page.count("✗") == 1, page
        database.execute(f"grant {assign} to {refused}")


def test_the_first_screen_says_what_is_new_since_this_machine_looked_last(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    def look() -> str:
        return chatops_inprocess("diagnose", db=latest_database, terminal=(80, 24), check=None).stdout

    assert "since the look of" not in look()
    assert "since the look of" not in look(), "all is as it was"
    latest_database.execute("drop index idx_chats_last_operator; alter table chats disable trigger chatops_guard_chat")
    assert re.search(r"since the look of \d\d:\d\d  new: .*DB0\d\d", look())
    assert "since the look of" not in look(), "all is as the look before found it"
    latest_database.execute("alter table chats enable trigger chatops_guard_chat")
    assert re.search("since the look of .* gone: DB017$", look(), re.M)


PLANTED = {
    "CONF001": "update platform_config set value = '\"2 weeks\"' where key = 'idle_timeout_minutes'",
    "DB017": "alter table chats disable trigger chatops_guard_chat",
    "DB003": "drop index idx_chats_last_operator",
}
"""What says by no row since when it is so."""


@pytest.mark.parametrize("way", ["--full", "--only"])
def test_what_no_row_dates_is_told_with_the_look_that_still_found_it_well(
    latest_database: Database, chatops_inprocess: Run, way: str
) -> None:
    chatops_inprocess("diagnose", db=latest_database, terminal=(80, 24), check=None)
    for planted in PLANTED.values():
        latest_database.execute(planted)
    words = ["--full"] if way == "--full" else ["--only", ",".join(PLANTED)]
    told = chatops_inprocess("diagnose", *words, db=latest_database, check=None).stdout
    for code in PLANTED:
        (block,) = [one for one in told.split("\n\n") if re.match(rf"[A-Z]+ +{code} ", one)]
        assert re.search(r"^   since +after (\d\d-\d\d )?\d\d:\d\d.*, when a look found it well$", block, re.M), block


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("alter table messages disable trigger all; alter table messages enable trigger all",
         "alter table messages disable trigger all; alter table messages enable trigger all"),
        ("alter role pg_monitor password 'hunter2'", "alter role pg_monitor password ********"),
        ("select 1 where 'Ada' = $$Eve$$ and 5 = '5'", "select 1 where '…' = '…' and 5 = '5'"),
    ],
)  # fmt: skip
def test_what_psql_was_given_is_in_the_log_without_secrets_and_words(given: str, kept: str) -> None:
    assert told_to_run([given]) == kept


def test_who_lost_a_chat_because_they_were_gone_is_named_with_the_command_that_takes_them_off_shift(
    deployed: Database, chatops_inprocess: Run
) -> None:
    plant(deployed, "OPER001")
    shown = chatops_inprocess("repair", "OPER001", "--yes", db=deployed, check=0).stdout
    off = re.search(r"as free now, if on shift; off shift: chatops drain (.*) --dry-run", shown)
    assert off is not None, shown
    chatops_inprocess("drain", *off[1].split(), "--dry-run", db=deployed, check=None)
    assert {deployed.value("select count(*) from operators where id = %s", (one,)) for one in off[1].split()} == {1}


def test_who_lost_a_chat_to_a_limit_of_nothing_is_listed_by_a_statement(deployed: Database, chatops_inprocess: Run) -> None:
    deployed.execute("update platform_config set value = '0' where key = 'idle_timeout_minutes'")
    assert "which chats these were" not in chatops_inprocess("diagnose", "--only", "CONF001", db=deployed, check=1).stdout
    lost = deployed.value(
        """update chat_assignments set released_at = greatest(now(), assigned_at), release_reason = 'auto_reassign_idle'
            where id = (select id from chat_assignments where released_at is not null order by id limit 1) returning chat_id"""
    )
    shown = chatops_inprocess("diagnose", "--only", "CONF001", "-o", "json", db=deployed, check=1).stdout
    (finding,) = json.loads(shown)["findings"]
    statement = finding["help_text"].partition("which chats these were: ")[2]
    assert lost in {chat for (chat,) in deployed.execute(statement)}, finding


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("lost", "told"),
    [
        (("operator_reply",), {"reply"}),
        (("user_message",), {"message"}),
        (("operator_reply", "user_message"), {"reply", "message"}),
        (("release_chat", "release_and_reassign_chat"), {"release"}),
        (("assign_chat_to_operator",), {"assign"}),
    ],
)
@pytest.mark.parametrize("kept", [True, False], ids=["kept", "never seen"])
def test_scenarios_go_through_the_day_of_each_role_and_say_who_cannot_do_what(
    latest_database: Database, chatops_inprocess: Run, lost: tuple[str, ...], told: set[str], kept: bool
) -> None:
    """A role that only calls functions, and a step that nobody but the owner may do: named, with what refuses it."""
    database = latest_database
    database.without_hosting()
    database.execute("delete from chatops.settings where key = 'safety'")
    with database.role("pages", "nologin") as pages:
        database.execute(f"grant usage on schema public to {pages}; grant execute on all functions in schema public to {pages}")
        if kept:
            chatops_inprocess("monitor", "--once", "--store", "--yes", db=database)
        page = chatops_inprocess("verify", "--scenarios", "--yes", db=database, check=0).stdout
        assert all(f"✓ as {pages}: {act}" in page for act in ("assign", "message", "reply", "release")), page
        named = database.execute("select oid::regprocedure::text from pg_proc where proname = any (%s)", (list(lost),))
        database.execute(f"revoke execute on function {', '.join(row[0] for row in named)} from public, {pages}")
        page = chatops_inprocess("verify", "--scenarios", "--yes", db=database, check=1).stdout
        failed = {line.partition(": ")[2] for line in page.splitlines() if line.startswith("✗ as ")}
        assert failed == told, page
        assert page.count("✗") == len(told), page
        assert pages in page.partition("✗")[2]


def test_a_chat_written_as_answered_past_its_triggers_is_no_message_that_went_past_them(
    mended: Database, chatops_inprocess: Run
) -> None:
    """Beside one whose message did: each says what happened to it."""
    mended.script(
        """create temporary table two as select id, row_number() over (order by id) as place from chats
             where chat_state = 'waiting_real_user_reply' and is_active order by id limit 1;
           alter table messages disable trigger user;
           insert into messages (chat_id, sender_type, content) select id, 'real', 'past' from two;
           alter table messages enable trigger user;
           set session_replication_role = replica;
           update chats set chat_state = 'waiting_real_user_reply', operator_replied_at = waiting_since + interval '2 min', waiting_since = null
            where id in (select id from chats c where chat_state = 'waiting_assignment' and waiting_since is not null
                            and not exists (select from messages m where m.chat_id = c.id and m.sender_type = 'fictional') order by id limit 2)"""
    )
    found = json.loads(chatops_inprocess("diagnose", "--only", "CHAT006", "-o", "json", db=mended, check=1).stdout)["findings"]
    told = sorted(str(row["because"]).partition(":")[0] for row in found[0]["rows"])
    written = "it bears the time of an answer, and holds no reply of then"
    assert told[1:] == [written, written]
    assert told[0].startswith("a message at"), told


@pytest.mark.parametrize("on_again", [True, False])
def test_messages_that_went_past_the_triggers_are_one_event_with_when_and_whether_more_can(
    mended: Database, chatops_inprocess: Run, on_again: bool
) -> None:
    """Not a reply at the same moment: that was hours ago."""
    mended.script(
        f"""alter table messages disable trigger user;
            insert into messages (chat_id, sender_type, content)
            select id, 'real', 'past' from chats where chat_state = 'waiting_real_user_reply' and is_active order by id limit 3;
            {"alter table messages enable trigger user" if on_again else ""}"""
    )
    page = chatops_inprocess("diagnose", "--only", "CHAT006,DATA001", db=mended, check=1).stdout
    event = re.search(
        r"messages in 3 chats (at|from) \d\d:\d\d( to \d\d:\d\d)? UTC went past the triggers of messages: [^;]+; (.*)", page
    )
    assert event is not None, page
    assert event[3].startswith("they are on now" if on_again else "some are off (DB017), and more goes past")
    assert "while the operator was replying" not in page
    counters = page.partition("DATA001 ")[2]
    assert "see CHAT006, it is the same event: messages in 3 chats" in counters, page
    assert "a chat is said to have another number of messages than it has" in counters
    assert "per operator" not in counters


@pytest.mark.parametrize("called", [False, True])
def test_what_a_wrong_should_keep_assignment_costs_depends_on_who_calls_it(
    latest_database: Database, chatops_inprocess: Run, called: bool
) -> None:
    latest_database.execute(
        """create or replace function should_keep_assignment(p_chat_id uuid, p_current_state text, p_assigned_operator_id uuid)
           returns boolean language sql as 'select false'"""
    )
    if called:
        latest_database.execute(
            "create function theirs(a uuid) returns boolean language sql as 'select should_keep_assignment(a, ''assigned'', a)'"
        )
    page = chatops_inprocess("diagnose", "--only", "DB007", db=latest_database, check=1).stdout
    assert ("nothing in this database calls it" in page) is not called, page


def test_that_nobody_would_serve_what_a_repair_gives_back_is_said_before_it(deployed: Database, chatops_inprocess: Run) -> None:
    says = "nobody else is available: given back, these chats wait until somebody is"
    plant(deployed, "OPER001")
    gone = "(select assigned_operator_id from chats where assigned_operator_id is not null and id = any(%s))"

    def told() -> list[bool]:
        answers = (
            chatops_inprocess(*words, db=deployed).stdout
            for words in (("diagnose", "--only", "OPER001"), ("repair", "OPER001", "--dry-run"))
        )
        return [says in " ".join(answer.split()) for answer in answers]

    found = json.loads(chatops_inprocess("diagnose", "--only", "OPER001", "-o", "json", db=deployed, check=1).stdout)
    chats = [row["chat_id"] for row in found["findings"][0]["rows"]]
    deployed.execute(f"update operators set last_activity = now() where is_available and id not in {gone}", (chats,))
    assert told() == [False, False]
    deployed.execute(f"update operators set is_available = false where id not in {gone}", (chats,))
    assert told() == [True, True]
    one = deployed.value(f"select id from operators where is_active and id not in {gone} limit 1", (chats,))
    deployed.execute("update operators set is_available = true, last_activity = now() - interval '3 hours' where id = %s", (one,))
    deployed.execute("delete from operator_activity where operator_id = %s", (one,))
    assert told() == [True, True]
    deployed.execute("update operators set last_activity = now() where id = %s", (one,))
    assert told() == [False, False]


def test_that_nobody_would_serve_what_a_release_gives_back_is_said_before_it(deployed: Database, chatops_inprocess: Run) -> None:
    says = "careful: nobody is available: given back, "
    chats = [
        str(chat)
        for (chat,) in deployed.execute(
            "select c.id from chats c join operators o on o.id = c.assigned_operator_id"
            " where c.chat_state = 'assigned' and c.is_active and c.operator_replied_at is null order by c.id limit 2"
        )
    ]
    ways = [("release", chats[0]), ("release", *chats)]

    def told() -> list[bool]:
        shown = [chatops_inprocess(*way, "--dry-run", db=deployed).stdout for way in ways]
        return [says in " ".join(answer.split()) for answer in shown]

    deployed.execute("update operators set last_activity = now() where is_active and is_available")
    assert told() == [False, False]
    deployed.execute("update operators set is_available = false")
    one, both = (" ".join(chatops_inprocess(*way, "--dry-run", db=deployed).stdout.split()) for way in ways)
    assert says + "1 chat waits until somebody is." in one, one
    assert says + "2 chats wait until somebody is." in both, both
    # Who is switched on and was not heard of for hours gives no answer, and who was is there.
    deployed.execute("update operators set is_available = true, last_activity = now() - interval '3 hours' where is_active")
    deployed.execute("delete from operator_activity")
    assert told() == [True, True]
    deployed.execute("update operators set last_activity = now() where id = (select id from operators where is_active limit 1)")
    assert told() == [False, False]


COUNTED = "select message_count = 1, last_message_at is not null from chats where id = '00000000-0000-0000-0000-00000000000c'"
ONE_MESSAGE = """
    insert into real_users (id, name) values ('00000000-0000-0000-0000-00000000000a', 'u');
    insert into fictional_users (id, name) values ('00000000-0000-0000-0000-00000000000b', 'f');
    insert into chats (id, real_user_id, fictional_user_id) values ('00000000-0000-0000-0000-00000000000c',
      '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b');
    insert into messages (id, chat_id, sender_type, content) values (gen_random_uuid(), '00000000-0000-0000-0000-00000000000c', 'real', 'x')"""


def test_a_dropped_trigger_that_counts_is_told_as_what_it_kept_and_one_that_does_nothing_as_nothing(
    core_database: Database, latest_database: Database, chatops_inprocess: Run
) -> None:
    """The trigger of 001, before another one counts and after: what is told is what a message leaves behind."""
    core_database.execute("drop trigger update_chat_on_message on messages")
    told = chatops_inprocess("diagnose", "--only", "DB003", "-o", "json", db=core_database, check=1).stdout
    (finding,) = json.loads(told)["findings"]
    assert "message counts of chats" in finding["title"]
    core_database.script(finding["help_sql"])
    chatops_inprocess("diagnose", "--only", "DB003", db=core_database, check=0)
    core_database.script(ONE_MESSAGE)
    assert core_database.execute(COUNTED) == [(True, True)]
    chatops_inprocess("monitor", "--once", "--store", "--yes", db=latest_database, check=None)
    latest_database.execute("drop trigger update_chat_on_message on messages")
    told = chatops_inprocess("diagnose", "--only", "DB003,DB030", db=latest_database, check=0).stdout
    assert "nothing is lost by it, for its function does nothing any more" in " ".join(told.split())
    latest_database.script(ONE_MESSAGE)
    assert latest_database.execute(COUNTED) == [(True, True)]


def test_an_older_text_of_a_function_is_told_by_what_it_does_to_users_and_shown_from_where_it_begins_to_differ(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    """What the guards absorb of it is no harm; remarks and indentation are no difference."""
    latest_database.script(sqlfiles.read("migrations/015_fix_assignment_function.sql"))
    shown = chatops_inprocess("diagnose", "--only", "DB018", db=latest_database, check=1, terminal=(400, 90)).stdout
    said = "\n".join(re.findall(r"^   so .*(?:\n {10,}\S.*)*", shown, re.M))
    for words in ("overtaken", "(QUEUE002)", "(QUEUE001)", "(OPER002)", "pause is not kept", "(CHAT012)", "(CONF001)"):
        assert words in said, said
    assert "CHAT007" not in said
    diff = shown.partition("body (")[2].splitlines()[1:]
    assert diff[0].strip() == "begin"
    assert any("from operators where id = p_operator_id" in line for line in diff[:8]), diff
    latest_database.script("create or replace function assign_chat_to_operator(p_operator_id uuid) returns uuid language plpgsql security definer "
                           "as $$ begin return null; end $$")  # fmt: skip
    shown = chatops_inprocess("diagnose", "--only", "DB018", db=latest_database, check=1, terminal=(400, 90)).stdout
    assert "overtaken" not in shown


@pytest.mark.parametrize("forced", [False, True])
def test_whether_chats_are_still_given_is_said_where_policies_shut_people_out(
    migrated_application_database: Database, chatops_inprocess: Run, forced: bool
) -> None:
    """The function works as its owner, whom only a forced policy binds."""
    database = migrated_application_database
    database.script("alter table chats enable row level security; create policy nobody on chats as restrictive using (false)")
    database.script(f"alter table chats {'' if forced else 'no '}force row level security")
    shown = chatops_inprocess("diagnose", "--only", "DB024", db=database, check=1, terminal=(400, 50)).stdout
    works = database.value("select rolsuper or rolbypassrls from pg_roles where rolname = (select pg_get_userbyid(proowner) from pg_proc "
                           "where proname = 'assign_chat_to_operator')")  # fmt: skip
    assert ("assigning stops" in shown) == (forced and not works), shown
    assert ("assigning goes on" in shown) == (not forced or bool(works)), shown
    database.execute("alter table chats disable row level security")
    assert "assigning" not in chatops_inprocess("diagnose", "--only", "DB024", db=database, check=1, terminal=(400, 50)).stdout
