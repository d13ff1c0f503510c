"""migrate --show and --again: a file's text, and its functions and views made once more."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from chatops import sqlfiles
from chatops.migrations.made_again import made_by
from chatops.migrations.source import shipped
from tests.conftest import ROOT, Result
from tests.servers import Database
from tests.test_folders import folder

Chatops = Callable[..., Result]
PRICE = "create or replace function price(a int) returns int language sql as 'select {}';\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return folder(
        tmp_path,
        {
            "001_a.sql": "create table t (n int);\n" + PRICE.format(1) + "create or replace function left_alone() returns int"
            " language sql as 'select 10';\ncreate or replace view cheap as select n from t where n < 5;\n",
            "002_b.sql": "create or replace function left_alone() returns int language sql as 'select 20';\n",
        },
    )


def test_a_files_text_is_shown_as_it_stands(chatops_inprocess: Chatops, files: Path) -> None:
    shipped = ROOT / "sql" / "migrations" / "018_queue_clocks.sql"
    for name in ("018", "018_queue_clocks", "018_queue_clocks.sql"):
        assert chatops_inprocess("migrate", "--show", name, check=0).stdout == shipped.read_text()
    told = json.loads(chatops_inprocess("migrate", "--dir", files, "--show", "2", "-o", "json", check=0).stdout)
    assert (told["name"], told["text"]) == ("002_b", (files / "002_b.sql").read_text())
    assert "018_queue_clocks" in chatops_inprocess("migrate", "--show", "99", check=2).stderr
    chatops_inprocess("migrate", "--show", "018", "--to", "018", check=2)


def test_what_drifted_is_made_again_with_its_diff_and_in_the_log(
    database_everywhere: Database, chatops_inprocess: Chatops, files: Path
) -> None:
    database = database_everywhere
    chatops_inprocess("migrate", "--dir", files, "--yes", db=database, check=0)
    database.execute(PRICE.format(2) + "grant execute on function price to public")
    before = database.value("select proacl::text from pg_proc where proname = 'price'")
    preview = chatops_inprocess("migrate", "--dir", files, "--again", "001", "--dry-run", db=database, check=0)
    first, *_, last = (line for line in preview.stdout.splitlines() if line)
    assert first.startswith("1 of 2 objects of 001_a is not as the file makes it: function price.")
    assert last.startswith("Nothing was changed. Make 1 object again: chatops ")
    # As what is asked: what is done to the object.
    assert "What differs (- as it is now, goes away; + as the file makes it, comes back):" in preview.stdout
    assert "-select 2" in preview.stdout
    assert "+select 1" in preview.stdout
    assert "Left to 002_b, which made them since: left_alone" in preview.stdout
    assert database.value("select price(0)") == 2
    chatops_inprocess("migrate", "--dir", files, "--again", "001", "--yes", db=database, check=0)
    assert database.value("select price(0)") == 1
    assert database.value("select left_alone()") == 20
    assert database.value("select proacl::text from pg_proc where proname = 'price'") == before
    row_id, changed, then = database.execute("select row_id, before, after from chatops.actions where action = 'again'")[0]
    assert row_id == "001_a"
    assert list(changed) == list(then) == ["price(integer)"]
    assert "select 2" in changed["price(integer)"]
    assert "select 1" in then["price(integer)"]
    number = database.value("select id from chatops.actions where action = 'again'")
    told = chatops_inprocess("log", str(number), db=database, check=0).stdout
    assert re.search(r"^ +-.*select 2", told, re.M), told  # line by line, not as one line of both texts
    assert re.search(r"^ +\+.*select 1", told, re.M), told
    assert "\\n" not in told


def test_the_text_for_psql_does_the_same(database: Database, chatops_inprocess: Chatops, files: Path) -> None:
    chatops_inprocess("migrate", "--dir", files, "--yes", db=database, check=0)
    database.execute(PRICE.format(3))
    text = chatops_inprocess("migrate", "--dir", files, "--again", "1", "-o", "sql", "--dry-run", db=database, check=0).stdout
    assert database.value("select price(0)") == 3
    done = database.psql(text)
    assert done.returncode == 0, done.stderr
    assert database.value("select price(0)") == 1
    assert database.value("select count(*) from chatops.actions where action = 'again'") == 1


def test_a_corrected_text_counts_as_applied_where_only_such_statements_changed(
    database: Database, chatops_inprocess: Chatops, files: Path
) -> None:
    chatops_inprocess("migrate", "--dir", files, "--yes", db=database, check=0)
    corrected = (files / "001_a.sql").read_text().replace("select 1'", "select 7'")
    (files / "001_a.sql").write_text(corrected)
    chatops_inprocess("migrate", "--dir", files, "--yes", db=database, check=4)
    chatops_inprocess("migrate", "--dir", files, "--again", "001", "--yes", db=database, check=0)
    assert database.value("select price(0)") == 7
    chatops_inprocess("status", "--dir", files, "--exit-code", db=database, check=0)
    (files / "001_a.sql").write_text(corrected.replace("n int", "n bigint"))
    chatops_inprocess("migrate", "--dir", files, "--again", "001", "--yes", db=database, check=0)
    chatops_inprocess("status", "--dir", files, "--exit-code", db=database, check=1)


def test_what_cannot_be_made_again_is_refused(database: Database, chatops_inprocess: Chatops, files: Path) -> None:
    (files / "003_c.sql").write_text("create table lonely ()")
    chatops_inprocess("migrate", "--dir", files, "--to", "001", "--yes", db=database, check=0)
    assert "is pending" in chatops_inprocess("migrate", "--dir", files, "--again", "002", db=database, check=4).stderr
    chatops_inprocess("migrate", "--dir", files, "--yes", db=database, check=0)
    assert "has no function" in chatops_inprocess("migrate", "--dir", files, "--again", "003", db=database, check=4).stderr
    database.execute("drop view cheap; alter table t rename to u")
    failed = chatops_inprocess("migrate", "--dir", files, "--again", "001", "--yes", db=database, check=4)
    assert "001_a.sql:4" in failed.stderr
    assert "Nothing was changed." in failed.stderr
    assert database.value("select count(*) from chatops.actions") == 0


def test_a_long_difference_is_shown_to_its_end(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    """A question shows its beginning and names the command that shows the rest."""
    body = "".join(f"  perform {number};\n" for number in range(200))
    text = f"create or replace function long() returns void language plpgsql as $$ begin\n{body}end $$;\n"
    (tmp_path / "001_long.sql").write_text(text)
    chatops_inprocess("migrate", "--dir", tmp_path, "--yes", db=database, check=0)
    database.execute(text.replace("perform ", "perform 1 + "))
    shown = chatops_inprocess("migrate", "--dir", tmp_path, "--again", "001", "--dry-run", db=database, check=0).stdout
    assert re.findall(r"^ *\+  perform (\d+);$", shown, re.M) == [str(number) for number in range(200)], shown
    assert "more line" not in shown


def test_shipped_functions_are_made_again(latest_database: Database, chatops_inprocess: Chatops) -> None:
    made = ((one, file.name) for file in shipped().files for statement in file.reading.statements if (one := made_by(statement)))
    last = {one.name: file for one, file in made if one.kind == "FUNCTION" and one.replaces}
    alone = "select proname from pg_proc where pronamespace = 'public'::regnamespace group by 1 having count(*) = 1"
    function = min(name for (name,) in latest_database.execute(alone) if name in last)
    file = last[function]
    body = f"select prosrc from pg_proc where proname = '{function}'"
    right = latest_database.value(body)
    definition = latest_database.value(f"select pg_get_functiondef(oid) from pg_proc where proname = '{function}'")
    latest_database.execute(definition.replace("AS $function$", "AS $function$ /* drifted */", 1))
    assert latest_database.value(body) != right
    preview = chatops_inprocess("migrate", "--again", file, "--dry-run", db=latest_database, check=0)
    assert "/* drifted */" in preview.stdout
    chatops_inprocess("migrate", "--again", file, "--yes", db=latest_database, check=0)
    assert latest_database.value(body) == right
    assert "again" in chatops_inprocess("log", db=latest_database, check=0).stdout


def test_of_a_file_only_what_the_checks_name_is_made_again(latest_database: Database, chatops_inprocess: Chatops) -> None:
    """Missing, another text, another option, another name of an argument, another query: those and no others, each kind of object."""
    file = "022_stop_new_damage"
    defined = "select p.proname, pg_get_functiondef(p.oid) from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public'"
    text = dict(latest_database.execute(defined))
    latest_database.execute(
        "drop function settle_chat(chats); alter function keep_turn() volatile cost 7; alter function remember_move(chats, chats) strict;"
        + text["decide_chat"].replace("AS $function$", "AS $function$\n-- drifted\n", 1) + ";"
        + "drop function others_write(oid) cascade;" + text["others_write"].replace("p_table", "p_which") + ";"
        "create or replace view guarded_columns as " + latest_database.value("select pg_get_viewdef('guarded_columns'::regclass)")
    )  # fmt: skip
    told = chatops_inprocess("diagnose", "--only", "DB003", "--only", "DB018", "--rows", "99", "-o", "json", db=latest_database)
    rows = [row for one in json.loads(told.stdout)["findings"] for row in one["rows"]]
    kinds = ("function", "view", "trigger")
    named = {row["object"].rpartition(".")[2] for row in rows if row["kind"] in kinds and row["migration"] == file}
    triggers = {name for name in named if name.startswith("chatops_")}  # their conditions called the function that went
    routines = named - triggers - {"guarded_columns"}
    assert routines == {"settle_chat", "keep_turn", "remember_move", "decide_chat", "others_write"}
    assert "guarded_columns" in named
    assert len(triggers) > 3
    shown = chatops_inprocess("migrate", "--again", file, "--dry-run", db=latest_database, check=0).stdout
    first = shown.splitlines()[0]
    assert {one.split(" (")[0].split(" ")[-1].rstrip(".") for one in first.partition(": ")[2].split(", ")} == named, first
    assert "--- drifted" in shown
    assert re.search(r"^  -cost: 7$", shown, re.MULTILINE)
    latest_database.execute("drop function others_write(oid) cascade")  # a parameter's name is not replaced by any statement
    chatops_inprocess("migrate", "--again", file, "--yes", db=latest_database, check=0)
    logged = latest_database.execute("select after from chatops.actions where action = 'again'")[0][0]
    assert {name.partition("(")[0] for name in logged} == named - triggers
    again = chatops_inprocess("migrate", "--again", file, "--dry-run", db=latest_database, check=0).stdout
    assert again.startswith("Nothing to do: "), again


def test_a_view_counts_as_the_files_by_what_it_asks_and_under_which_options(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    made = "create or replace view cheap {}as select n, n + 1 as more from t where n < {} and (n > 0);\n"
    where = folder(tmp_path, {"001_a.sql": "create table t (n int);\n" + made.format("with (security_invoker = on) ", 5)})
    chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=0)
    asks = ("migrate", "--dir", where, "--again", "001", "--dry-run")
    assert chatops_inprocess(*asks, db=database, check=0).stdout.startswith("Nothing to do: ")
    for drifted in (
        made.format("", 5),
        made.format("with (security_invoker = true) ", 6),
        made.format("with (security_barrier) ", 5),
    ):
        database.execute(drifted)
        assert "1 of 1 object" in chatops_inprocess(*asks, db=database, check=0).stdout, drifted
    chatops_inprocess("migrate", "--dir", where, "--again", "001", "--yes", db=database, check=0)
    assert chatops_inprocess(*asks, db=database, check=0).stdout.startswith("Nothing to do: ")


def test_what_was_missing_is_open_to_those_only_whom_the_files_have_named(
    latest_database: Database, chatops_inprocess: Chatops
) -> None:
    """Every function of ours that a file can make again: dropped, made again, it has the owner and the rights of before."""
    # The hosting's roles are the server's, and come with other tests.
    rights = (
        "select p.proname, p.oid::regprocedure::text, p.proowner::regrole::text, (select array_agg(grantee::regrole::text order by 1)"
        " from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) where grantee not in (select oid from pg_roles"
        " where rolname in ('anon', 'authenticated', 'service_role')))"
        "  from pg_proc p where p.pronamespace = 'public'::regnamespace order by 2"
    )
    made = [(one, file.name) for file in shipped().files for statement in file.reading.statements if (one := made_by(statement))]
    last = {one.name: file for one, file in made if one.kind == "FUNCTION" and one.replaces}
    before = latest_database.execute(rights)
    triggers = "select tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal order by 1, 2"
    fires = latest_database.execute(triggers)
    dropped = [name for name, *_ in before if name in last]
    assert {"assign_chat_to_operator", "apply_message", "policy_number"} <= set(dropped)
    latest_database.execute("".join(f"drop function if exists {oid} cascade;" for name, oid, *_ in before if name in last))
    files = sorted({last[name] for name in dropped})
    for turn, some in enumerate((files, files, files[-2:]), 1):
        for file in some:
            told = chatops_inprocess("migrate", "--again", file, "--yes", db=latest_database, check=0)
            assert "open to everybody" not in told.stderr
            assert turn < 3 or told.stdout.startswith("Nothing to do: "), (file, told.stdout)
    assert latest_database.execute(rights) == before
    assert latest_database.execute(triggers) == fires


def test_rights_that_the_files_of_a_folder_gave_are_given_again(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    """Since the last drop, in order; what a block says, and what is about all functions, is named for people."""
    with database.role("teller") as role, database.role("other") as other:
        _rights_are_given_again(database, chatops_inprocess, tmp_path, role, other)


def _rights_are_given_again(database: Database, chatops_inprocess: Chatops, tmp_path: Path, role: str, other: str) -> None:
    files = folder(
        tmp_path,
        {
            "001_a.sql": PRICE.format(1) + f'grant execute on function price to {other};\ncreate table "to" ();',
            "002_b.sql": "drop function price(int);",
            "003_c.sql": PRICE.format(2) + "create or replace function \"Fee\"() returns int language sql as 'select 1';\n"
            "create or replace view dear as select 1 as n;",
            "004_d.sql": f'revoke all on function price(int), "Fee"() from public;\ngrant execute on function "Fee"() to {role};'
            f"grant select on dear to {role};\ngrant select on \"to\" to {role};\ncomment on function price is 'of a thing';",
            "005_e.sql": "do $$ begin execute 'grant execute on function price(int) to public'; revoke all on function price from public; end $$;",
        },
    )
    chatops_inprocess("migrate", "--dir", files, "--yes", db=database, check=0)
    rights = (
        "select proname, proacl::text, obj_description(oid) from pg_proc where proname in ('price', 'Fee') union all "
        "select relname, relacl::text, null from pg_class where relname = 'dear' order by 1"
    )
    before = database.execute(rights)
    database.execute('drop function price(int); drop function "Fee"(); drop view dear')
    told = chatops_inprocess("migrate", "--dir", files, "--again", "003", "--yes", db=database, check=0)
    assert "as by 004_d" in told.stderr
    assert "Look at 005_e" in told.stderr
    assert database.execute(rights) == before


def test_a_view_of_ours_that_differs_is_made_again_by_its_name_and_one_that_is_missing_with_who_may_read_it(
    latest_database: Database, chatops_inprocess: Chatops
) -> None:
    """Each file of sql/views: drifted, then dropped. DB018 prints the command, and nothing else mends it."""
    database = latest_database
    with database.role("reader") as role:
        database.execute(f"grant select on chats, operators to {role}")
        database.execute(f"grant select on chat_queue, stuck_chats, operator_load to {role}")
        rights = f"""select c.relname, has_table_privilege('{role}', c.oid, 'select'), obj_description(c.oid) from pg_class c
                      where c.relname in ('chat_queue', 'stuck_chats', 'operator_load', 'chat_state_summary') order by 1"""
        before = database.execute(rights)
        text = "-- by hand"
        for name in sqlfiles.names("views"):
            if name.endswith(".before_018"):
                continue
            if sqlfiles.is_function(name):
                made = database.value(f"select pg_get_functiondef('{name}'::regproc)")
                drift = re.sub(r"(\$[a-z]+\$)\s*$", rf"{text}\n\1", made)
            else:
                made = database.value(f"select rtrim(pg_get_viewdef('{name}'::regclass), ';')")
                drift = f"create or replace view {name} as select * from ({made}) as q limit 0"
            database.script(drift)
            shown = chatops_inprocess("diagnose", "--only", "DB018", "-o", "json", db=database, check=1).stdout
            (finding,) = json.loads(shown)["findings"]
            assert finding["help_command"].endswith(f" migrate --again views/{name}"), finding
            assert finding["helps"][0] == finding["help_command"]
            assert finding["help_sql"] is None
            asked = chatops_inprocess("migrate", "--again", name, "--dry-run", db=database, check=0).stdout
            assert f"1 of 1 object of views/{name} is not as the file makes it" in asked
            done = chatops_inprocess("migrate", "--again", f"views/{name}.sql", "--yes", db=database, check=0).stdout
            number = done.partition("Before and after: ")[2].split()[-1]
            logged = chatops_inprocess("log", number, db=database, check=0).stdout
            assert "limit 0" in logged.lower() or text in logged, logged
            assert "stands in the log" in chatops_inprocess("undo", number, "--yes", db=database, check=4).stderr
            chatops_inprocess("diagnose", "--only", "DB018,DB003", db=database, check=0)
            assert "Nothing to do" in chatops_inprocess("migrate", "--again", f"views/{name}", db=database, check=0).stdout
        database.script("alter view operator_load reset (security_invoker)")
        chatops_inprocess("migrate", "--again", "operator_load", "--yes", db=database, check=0)
        kept = database.execute("select before, after from chatops.actions where action = 'again' order by id desc limit 1")[0]
        assert [next(iter(one.values())).startswith("with (security_invoker=true) as") for one in kept] == [False, True]
        for name in ("operator_load", "chat_state_summary"):
            database.script(f"drop view {name}")
            chatops_inprocess("migrate", "--again", name, "--yes", db=database, check=0)
        assert [row for row in database.execute(rights) if row[0] != "chat_state_summary"] == [
            row for row in before if row[0] != "chat_state_summary"
        ]
        chatops_inprocess("verify", "schema", db=database, check=0)


INDEXES = ("idx_chats_queue", "idx_chats_queue_by_last_operator", "idx_chats_unanswered")


@pytest.mark.parametrize("lost", [INDEXES[:1], INDEXES[1:], INDEXES])
def test_indexes_that_are_missing_or_invalid_are_built_as_the_file_builds_them(
    latest_database: Database, chatops_inprocess: Chatops, lost: tuple[str, ...]
) -> None:
    """DB003 prints the command, and it is all that is needed; what stands is not touched."""
    database = latest_database
    there = """select jsonb_object_agg(indexrelid::regclass, pg_get_indexdef(indexrelid)) from pg_index
                where indisvalid and indrelid = 'chats'::regclass"""
    stands = "select oid from pg_class where relname = any (%s) order by 1"
    before, others = database.value(there), [one for one in INDEXES if one not in lost]
    kept = database.execute(stands, (others,))
    for name in lost:
        database.execute(f"drop index {name}")
    (finding,) = json.loads(chatops_inprocess("diagnose", "--only", "DB003", "-o", "json", db=database, check=1).stdout)[
        "findings"
    ]
    assert finding["helps"] == [finding["help_command"]]
    assert finding["help_command"].endswith(" migrate --again 019_queue_indexes")
    done = chatops_inprocess("migrate", "--again", "019_queue_indexes", "--yes", db=database, check=0).stdout
    assert all(name in done for name in lost), done
    assert database.value(there) == before
    assert database.execute(stands, (others,)) == kept
    chatops_inprocess("diagnose", "--only", "DB003", db=database, check=0)
    after = database.value("select after from chatops.actions where action = 'again' order by id desc limit 1")
    assert set(after) == {*lost}
    assert "Nothing to do" in chatops_inprocess("migrate", "--again", "019", "--dry-run", db=database, check=0).stdout
    # The same by the text for psql, of one that a build left invalid.
    database.execute(f"drop index {lost[0]}")
    database.execute(f"create index {lost[0]} on chats (waiting_since)")
    database.execute(f"update pg_index set indisvalid = false where indexrelid = '{lost[0]}'::regclass")
    text = chatops_inprocess("migrate", "--again", "019", "-o", "sql", "--dry-run", db=database, check=0).stdout
    told = database.psql(text)
    assert told.returncode == 0, told.stderr
    assert database.value(there) == before


def test_what_a_later_file_has_set_on_a_function_is_no_difference_and_stays(
    latest_database: Database, chatops_inprocess: Chatops
) -> None:
    """Of every shipped file: where verify schema finds nothing, there is nothing to make again."""
    database = latest_database
    chatops_inprocess("verify", "schema", db=database, check=0)
    for file in shipped().files:
        told = chatops_inprocess("migrate", "--again", file.name, "--dry-run", db=database, check=None)
        assert told.exit_code == 4 or told.stdout.startswith("Nothing to do"), told.stdout
    name = "validate_chat_state_transition"
    settings = "select proconfig, proacl::text from pg_proc where proname = %s"
    before = database.execute(settings, (name,))
    text = database.value("select pg_get_functiondef(%s::regproc)", (name,))
    database.script(re.sub(r"(\$[a-z]+\$)\s*$", r"-- by hand\n\1", text))
    chatops_inprocess("migrate", "--again", "014", "--yes", db=database, check=0)
    assert database.execute(settings, (name,)) == before
    chatops_inprocess("verify", "schema", db=database, check=0)


def test_where_nobody_can_be_asked_it_says_what_it_did_and_production_wants_a_yes_as_everywhere(
    latest_database: Database, chatops_inprocess: Callable[..., Result], tmp_path: Path
) -> None:
    """As migrate and every other writing command: no question off a terminal but on production."""
    name = "should_keep_assignment(uuid, text, uuid)"
    drift = f"alter function {name} reset search_path"
    made = f"select proconfig is not null from pg_proc where oid = '{name}'::regprocedure"
    env = {"CHATOPS_CONFIG": str(tmp_path / "chatops.toml"), "THIS": latest_database.url}
    latest_database.execute(drift)
    done = chatops_inprocess("migrate", "--again", "017", db=latest_database, check=0)
    assert (
        "1 of 1 object of 017_fix_concurrent_messages is not as the file makes it: function should_keep_assignment."
        in done.stderr
    )
    assert "Made 1 object of 017_fix_concurrent_messages again (should_keep_assignment). Before and after: " in done.stdout
    assert latest_database.value(made)
    command = done.stdout.partition("Before and after: ")[2].split()
    shown = chatops_inprocess(*command[command.index("log") :], db=latest_database, check=0).stdout
    assert "migrate --again 017_fix_concurrent_messages" in shown
    assert "What was before → and after:" in shown
    latest_database.execute(drift)
    (tmp_path / "chatops.toml").write_text('[env.live]\nurl_env = "THIS"\nproduction = true\n')
    for words in (("migrate", "--again", "017"), ("guard", "off", "--for", "1m", "--reason", "x")):
        refused = chatops_inprocess("--config", str(tmp_path / "chatops.toml"), "--env", "live", *words, env=env, check=4)
        assert "give --yes to go on; nothing was changed" in refused.stderr, words
    assert not latest_database.value(made)
