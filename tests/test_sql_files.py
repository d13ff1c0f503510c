"""SQL files are what is sent: each of them pastes into psql, and gives there what a command gets."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chatops import db, sqlfiles
from chatops.checks import load
from tests.keeping import AS_IT_BEGAN
from tests.servers import Database
from tests.shift import add_chats, add_operators, chat_id, operator_id
from tests.test_sql_base import install_views

FOLDERS = ("queries", "queries/application", "queries/functions", "queries/simulation", "checks", "repairs", "plants")
NULL = "␀"
FAILED = "an earlier statement failed"

# A value for each parameter that has a cast, by its type; and for those whose name says what they take.
BY_TYPE = {
    "uuid": str(chat_id(1)), "uuid[]": f"{{{chat_id(1)},{chat_id(2)}}}", "interval": "1 hour", "timestamptz": "2026-01-02 03:04:05Z",
    "bigint": "3", "bigint[]": "{1,2}", "integer": "3", "int": "3", "integer[]": "{1,2}", "double precision": "3.5", "boolean": "true",
    "boolean[]": "{t,f}", "bool": "true", "bool[]": "{t,f}", "text[]": "{assigned,waiting_assignment}", "jsonb": "{}", "oid": "1259",
    "oid[]": "{1259}", "numeric": "3", "regclass": "chats", "float8": "3.5", "date": "2026-01-02", "xid8": "3",
}  # fmt: skip
BY_NAME = {
    "schema": "public", "target_schema": "public", "operator": str(operator_id(1)), "operator_id": str(operator_id(1)),
    "operators": f"{{{operator_id(1)},{operator_id(2)}}}", "before": "{\"{}\",\"{}\"}", "after": "{\"{}\",\"{}\"}", "since": "24 hours",
    "guarded_at": "-infinity", "found": "[]", "idle_timeout_minutes": "5", "idle_grace_minutes": "2", "max_reassignments": "3",
}  # fmt: skip


def files(folder: str) -> list[Path]:
    return sorted((sqlfiles.root() / folder).glob("*.sql"))


def values(text: str) -> dict[str, str]:
    """A value for every parameter of a text, which psql and the driver both take as it stands."""
    found = {}
    for match in re.finditer(r":'([a-z_][a-z0-9_]*)'(?:::([a-z0-9]+(?: precision)?(?:\[\])?))?", text):
        name, kind = match[1], match[2]
        typed = BY_TYPE.get(kind or "", "3" if kind is None else "words")
        named = BY_NAME.get(name)
        if (named is not None and kind not in ("bigint", "integer", "timestamptz", "boolean")) or name == "guarded_at":
            typed = str(named)
        found.setdefault(name, typed)
        if kind is not None:  # the first cast decides, wherever it stands
            found[name] = typed if found[name] in ("3", "words") else found[name]
    return found


Rows = list[tuple[str, ...]] | str
Asked = dict[Path, tuple[str, dict[str, str]]]


@contextlib.contextmanager
def as_it_began(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A session as each command has one of its own, not in autocommit: one for all files, as it was when it began."""
    connection = database.kept()
    connection.prepare_threshold = None
    connection.execute(AS_IT_BEGAN)
    connection.autocommit = False
    try:
        yield connection
    finally:
        if not connection.closed:
            connection.rollback()
            connection.autocommit = True


def by_driver(database: Database, text: str, parameters: dict[str, str], prelude: str) -> Rows:
    """Every cell as the server wrote it; or the SQLSTATE."""
    with as_it_began(database) as connection:
        try:
            if prelude:
                connection.execute(prelude)  # type: ignore[arg-type]
            try:
                sent = (
                    (db.placeholders(text), parameters) if parameters else (text,)
                )  # as `rows` sends a question, and `script` a script
                cursor = connection.execute(*sent)  # type: ignore[arg-type]
            except (psycopg.errors.SyntaxError, psycopg.errors.IndeterminateDatatype) as error:
                if error.sqlstate == "42601" and "multiple commands" not in str(error):
                    raise
                connection.rollback()
                cursor = connection.execute(db.inlined(text, parameters))  # type: ignore[arg-type]
            found = []
            while True:
                result = cursor.pgresult
                assert result is not None
                for row in range(result.ntuples):
                    cells = (result.get_value(row, column) for column in range(result.nfields))
                    found.append(tuple(NULL if cell is None else cell.decode() for cell in cells))
                if not cursor.nextset():
                    return found
        except psycopg.Error as error:
            return error.sqlstate or "lost"
        finally:
            connection.rollback()


def by_psql(database: Database, asked: Asked, prelude: str, *, before_018: bool) -> dict[Path, Rows]:
    """The same of psql, which reads the files themselves and takes the parameters as its variables."""
    script = [f"\\pset null '{NULL}'", f"\\setenv BEFORE_018 '{'.before_018' if before_018 else ''}'"]
    for path, (text, parameters) in asked.items():
        script += [f"\\set {name} '{value}'" for name, value in parameters.items()]
        quoted = re.search(r"\$[a-z_]*\$[^$]*:'[a-z_]+'", text)  # psql leaves a dollar-quoted block alone: what `-o sql` prints
        run = db.inlined(text, parameters) if quoted else f"\\i '{path}'"
        script += [f"{AS_IT_BEGAN.decode()};", "begin;", prelude, f"\\echo @@ {path}", run, "\\echo @= :SQLSTATE", "rollback;"]
        script += [f"\\unset {name}" for name in parameters]
    done = database.psql("\n".join(script) + "\n", "--csv", stop_on_error=False, cwd=sqlfiles.root().parent)
    found: dict[Path, Rows] = {}
    for part in done.stdout.split("@@ ")[1:]:
        head, _, rest = part.partition("\n")
        printed, _, state = rest.rpartition("@= ")
        rows = [tuple(row) or ("",) for row in csv.reader(io.StringIO(printed))]
        code = state.strip()
        found[Path(head)] = rows if code == "00000" else FAILED if code == "25P02" else code
    return found


def steady(one: Rows, other: Rows) -> Callable[[Rows], Rows]:
    """What two runs of the same text agree on: cells that differ (clocks, made-up ids) only have to be there."""
    if isinstance(one, str) or isinstance(other, str):
        return lambda rows: rows
    if len(one) != len(other):  # what the server is doing at this moment
        return lambda rows: rows if isinstance(rows, str) else "rows"

    changing = {
        (row, place)
        for row, cells in enumerate(zip(one, other, strict=True))
        for place, (cell, again) in enumerate(zip(*cells, strict=True))
        if cell != again
    }

    def kept(rows: Rows) -> Rows:
        if isinstance(rows, str):
            return rows
        return [
            tuple("*" if (row, place) in changing else cell for place, cell in enumerate(cells)) for row, cells in enumerate(rows)
        ]

    return kept


@pytest.fixture
def shift(latest_database: Database) -> Database:
    return furnished(latest_database)


def furnished(database: Database) -> Database:
    database.script(sqlfiles.root() / "bookkeeping.sql")
    add_operators(database, 6)
    add_chats(database, 3)
    add_chats(database, 2, first=4, state="assigned", held_by=1)
    add_chats(database, 2, first=6, state="waiting_real_user_reply")
    add_chats(database, 1, first=8, state="completed")
    return database


MOST_LOOKS = 5
"""What tells of other sessions (connections in use) moves while other tests run: such files are asked again."""


def compared(database: Database, wanted: list[Path], *, before_018: bool, prelude: str = "") -> int:
    """How many files gave rows; asserts that psql and the driver agree on all of them."""
    asked: Asked = {}
    for path in wanted:
        text = sqlfiles.query(str(path.relative_to(sqlfiles.root())), before_018=before_018)
        asked[path] = (text, values(text))
    useful = 0
    different: dict[Path, str] = {}
    for look in range(MOST_LOOKS):
        again = asked if look == 0 else {path: asked[path] for path in different}
        sent, different = differing(database, again, prelude, before_018=before_018)
        if look == 0:
            useful = sum(1 for rows in sent.values() if rows and not isinstance(rows, str))
        if not different:
            break
    assert not different, "\n".join(different.values())
    return useful


def differing(database: Database, asked: Asked, prelude: str, *, before_018: bool) -> tuple[dict[Path, Rows], dict[Path, str]]:
    """What the driver got, and the files of which psql got something else."""
    sent = {path: by_driver(database, *given, prelude) for path, given in asked.items()}
    database.close()  # or somebody who counts sessions counts one more in psql's
    pasted = by_psql(database, asked, prelude, before_018=before_018)
    different = {}
    for path, given in asked.items():
        if pasted[path] == sent[path]:
            continue
        kept = steady(sent[path], by_driver(database, *given, prelude))
        # psql goes on after an error, into statements that are ignored: of a script the first error is not told.
        same = isinstance(sent[path], str) if pasted[path] == FAILED else kept(pasted[path]) == kept(sent[path])
        if not same:
            different[path] = f"{path.name}: psql {pasted[path]!r:.300}\n   driver {sent[path]!r:.300}"
    return sent, different


@pytest.mark.sampled(3)
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_file_pasted_into_psql_gives_what_a_command_gets(shift: Database, folder: str) -> None:
    wanted = [path for path in files(folder) if not path.stem.endswith(".before_018")]
    prelude = sqlfiles.read("demo/stage.sql") if folder == "plants" else ""
    useful = compared(shift, wanted, before_018=False, prelude=prelude)
    if folder == "queries":
        assert useful > len(wanted) / 3  # the others change rows, or ask for what is not there


def test_so_does_the_file_for_databases_without_the_queues_clocks(core_database: Database) -> None:
    install_views(furnished(core_database))
    for folder in ("queries", "checks"):
        compared(core_database, [path for path in files(folder) if has_another_text_before_018(path)], before_018=True)


def has_another_text_before_018(path: Path) -> bool:
    """Whether all of a file is another for databases without the queue's clocks, or a part of it."""
    return path.stem.endswith(".before_018") or "$BEFORE_018" in path.read_text(encoding="utf-8")


def test_a_file_says_what_it_asks_in_its_first_line() -> None:
    for path in sorted(sqlfiles.root().rglob("*.sql")):
        assert path.read_text(encoding="utf-8").startswith("-- "), path


def test_nothing_but_the_three_ways_stands_between_a_file_and_the_server() -> None:
    """Marks that once made other texts of a file are in none of them, each variant has its file, and each part is a part of one."""
    parts: dict[str, str] = {}
    sources = "".join(path.read_text(encoding="utf-8") for path in sorted(Path(sqlfiles.__file__).parent.rglob("*.py")))
    for path in sorted(sqlfiles.root().rglob("*.*sql")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"-- (?:since|before) 018 *$", text, re.MULTILINE), path
        if path.stem.endswith(".before_018"):
            assert path.with_name(path.name.replace(".before_018", "")).exists(), path
        parts |= dict(re.findall(r"^\\set \w+ `cat sql/(\S+?)(\$BEFORE_018)?\.sql`$", text, re.MULTILINE))
        assert not re.search(r"^\\(?:set|i)", sqlfiles.with_shared(text), re.MULTILINE), path
        if path.parent.name == "queries" and re.search(r"^\\set", text, re.MULTILINE):
            assert f'read("queries/{path.name}")' not in sources, path
    for part, varies in parts.items():
        assert (sqlfiles.root() / f"{part}.before_018.sql").exists() == bool(varies), part
    shared = {str(path.relative_to(sqlfiles.root())) for path in sqlfiles.root().glob("*/shared/*.sql")}
    led = {f"checks/shared/{name}.sql" for check in load.shipped() for name in check.shares}
    assert shared - led - {"checks/shared/structure.sql"} <= {f"{part}{end}.sql" for part in parts for end in ("", ".before_018")}


def test_what_checks_share_stands_in_one_file_and_is_put_in_its_place() -> None:
    checks = {path.stem: path.read_text(encoding="utf-8") for path in files("checks")}
    sharing = {code: set(sqlfiles.words(sqlfiles.header(text).get("shares", ""))) for code, text in checks.items()}
    assert sum(1 for names in sharing.values() if names) > 5
    for code, text in checks.items():
        named = set(re.findall(r"\b(\w+) as materialized \(:\1\)", text))
        assert named <= sharing[code.partition(".")[0]], code
        whole, cut = (sqlfiles.body(sqlfiles.with_shared(one)) for one in (text, sqlfiles.without_shared(text)))
        assert all(f"{name} as materialized (\n" in whole and f"{name} as materialized" not in cut for name in named), code
        assert re.match(r"(with|select)\b", whole), code
        assert re.match(r"(with|select)\b", cut), code
