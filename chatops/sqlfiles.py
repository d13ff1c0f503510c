"""Finds and reads the .sql files that chatops ships.

A file is sent as it stands. Three things are done to it on the way, here and nowhere else, and each can be done in psql as well:

1. *Parameters.* `:'name'`, as psql writes its variables, becomes a parameter of the driver (`db.placeholders`); in a text that
   travels with others, a quoted value (`db.inlined`).
2. *CTEs in front* (`in_front`). A head that says `-- needs: chat_queue` brings that file of `sql/views`, so that the answer is
   the same whether the view is installed, old or absent; what a view asks a function of that folder is null there, for it is in
   no database yet that migrates for the first time. `:late_turns`, without quotes, is the text of a file, as psql puts it
   there after `\\set late_turns `cat sql/checks/shared/late_turns.sql`` (`with_shared`); where several checks that share it are
   asked together it stands once in front of all. `epoch$BEFORE_018.sql` is `epoch.sql`, or for databases without the queue's
   clocks `epoch.before_018.sql` (in psql: `\\setenv BEFORE_018 .before_018`); repairs have all of theirs from one list, by
   `\\i sql/repairs/shared/parts.psql`. A repair that is tried hides the tables behind a few of their rows.
3. *No log.* With `--no-audit`, `chatops.actions` is the temporary table of `queries/repair_standin.sql` (`without_log`).

A repair is two statements with a line between them that holds only a semicolon; each is sent by itself (`chatops.repairs`).
Where all of a query is another for databases without the queue's clocks, it is a file of its own, sent as it stands:
`NAME.before_018.sql` beside `NAME.sql` (`variant`). Who counts the rows of a query, or wants the first of them, puts it between
brackets, unchanged (`counted`, `first`).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path

PLACEHOLDER = re.compile(r":'([a-z_][a-z0-9_]*)'")
"""A parameter of a file, written as psql's variables are."""
_FILLED = re.compile(r"^\\set (\w+) `cat sql/((?:\w+/)+\1)(\$BEFORE_018)?\.sql`\n", re.MULTILINE)
"""A variable of psql that holds what several files share, or what a database without the queue's clocks has otherwise."""
_INCLUDED = re.compile(r"^\\i sql/(\S+\.psql)\n", re.MULTILINE)
"""A file of such variables."""
_NAMED = re.compile(r"(?<![:\w]):([a-z]\w*)")
"""Where such a variable stands."""
_HEADER = re.compile(r"^--\s*([a-z][a-z-]*):[ \t]*(.*)$")


@cache
def root() -> Path:
    """The folder `sql/`: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    shipped = package / "sql"
    return shipped if shipped.is_dir() else package.parent / "sql"


@cache
def read(relative: str) -> str:
    """The text of one file, by its path below `sql/`, such as `queries/summary.sql`."""
    return (root() / relative).read_text(encoding="utf-8")


def names(folder: str) -> list[str]:
    """The names, without ending, of the .sql files directly in a folder below `sql/`, sorted."""
    return list(_names(root() / folder))


@cache
def _names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.sql")))


def header(text: str) -> dict[str, str]:
    """The `-- key: value` lines at the head of a file; a value goes on over following `--   ` (three blanks) lines.

    >>> header("-- What is it.\\n-- code: CHAT001\\n-- why: one\\n--   two\\nselect 1")
    {'code': 'CHAT001', 'why': 'one two'}
    """
    found: dict[str, str] = {}
    key: str | None = None
    for line in text.splitlines():
        if not line.startswith("--"):
            if line.strip():
                break
            continue
        if match := _HEADER.match(line):
            key = match[1]
            found[key] = match[2].strip()
        elif key is not None and line.startswith("--   "):
            found[key] = f"{found[key]} {line[2:].strip()}".strip()
        else:
            key = None
    return found


@lru_cache(maxsize=1000)
def body(text: str) -> str:
    """The text without its leading comment lines and without a final semicolon."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("--")), len(lines))
    return "\n".join(lines[start:]).strip().removesuffix(";").rstrip()


@cache
def query(relative: str, *, before_018: bool = False) -> str:
    """The text of one file as it is sent, its parameters still by name.

    `before_018` takes the variant for databases without the queue's clocks, of the file, its parts and the views it needs.
    """
    text = read(variant(relative) if before_018 else relative)
    return with_views(with_shared(text, before_018=before_018), before_018=before_018)


def variant(relative: str) -> str:
    """The file that stands beside another for databases without the queue's clocks; the file itself where there is none.

    >>> variant("queries/queue.sql"), variant("queries/summary.sql")
    ('queries/queue.before_018.sql', 'queries/summary.sql')
    """
    beside = f"{relative.removesuffix('.sql')}.before_018.sql"
    return beside if (root() / beside).exists() else relative


@cache
def with_views(query: str, *, before_018: bool = False) -> str:
    """A query whose head says `-- needs: chat_queue, operator_load`, with the bodies of those views in front as CTEs.

    `before_018` takes the variants of the views. A query's own `with` is joined on.
    """
    wanted: dict[str, str] = {}

    def add(text: str) -> None:
        for name in words(header(text).get("needs", "")):
            if name not in wanted and not is_function(name):
                view = view_text(name, before_018=before_018)
                add(view)
                wanted[name] = _view_body(view)

    add(query)
    if not wanted:
        return query
    return in_front(", ".join(f"{name} as not materialized (\n{text}\n)" for name, text in wanted.items()), body(query))


def words(text: str) -> tuple[str, ...]:
    """The names in a line of a head.

    >>> words("chat_queue, operator_load")
    ('chat_queue', 'operator_load')
    """
    return tuple(filter(None, re.split(r"[,\s]+", text)))


def in_front(lead: str, query: str) -> str:
    """A query with further CTEs in front of its own.

    >>> in_front("a as (select 1)", "with b as (select 2) select 3")
    'with a as (select 1), b as (select 2) select 3'
    """
    if match := re.match(r"with\s+(recursive\s+)?", query, re.IGNORECASE):
        return f"with {match[1] or ''}{lead}, {query[match.end() :]}"
    return f"with {lead}\n{query}"


def counted(query: str) -> str:
    """How many rows a query finds."""
    return f"select pg_catalog.count(*) from (\n{query}\n) as found"


def first(query: str, order: str, most: int) -> str:
    """The first rows of a query in an order of its columns."""
    return f"select found.* from (\n{query}\n) as found order by {order} limit {int(most)}"


def first_by_key(query: str, key: str, order: str, most: int) -> str:
    """As `first`, for few rows of many: they are found by `key` and what the order needs, and only these are looked up whole."""
    ends = f"order by {order} limit {int(most)}"
    found = f"select found.{key} from (\n{query}\n) as found {ends}"
    return f"select whole.* from (\n{query}\n) as whole where whole.{key} = any (array({found})) {ends}"


def shared(name: str) -> str:
    """What several checks begin with, as a CTE: one file of `sql/checks/shared`."""
    return f"{name} as materialized (\n{body(read(f'checks/shared/{name}.sql'))}\n)"


def with_shared(text: str, *, before_018: bool = False) -> str:
    """A text with those of the files that it shares in their places, as psql reads it."""
    text = _INCLUDED.sub(lambda found: read(found[1]), text)
    files = {
        name: f"{path}.before_018.sql" if varies and before_018 else f"{path}.sql" for name, path, varies in _FILLED.findall(text)
    }

    def put(found: re.Match[str]) -> str:
        file = files.get(found[1])
        return found[0] if file is None else f"\n{_NAMED.sub(put, body_of(file))}\n"

    return _NAMED.sub(put, _FILLED.sub("", text)) if files else text


def put(relative: str, **texts: str) -> str:
    """A file of `sql/mending` without its head, its psql variables filled with these texts, which are quoted already."""
    return _NAMED.sub(lambda found: texts.get(found[1], found[0]), body_of(relative))


@cache
def body_of(relative: str) -> str:
    """The text of one file without its head and its end."""
    return body(read(relative))


@lru_cache(maxsize=1000)
def without_shared(text: str) -> str:
    """A check without the CTEs that it shares, which are its first ones, to stand behind them."""
    for name, *_ in _FILLED.findall(text):
        lead = f"with {name} as materialized (:{name})"
        text = text.replace(f"{lead},\n", "with ", 1).replace(f"{lead}\n", "", 1)
    return text


def without_log(text: str) -> str:
    """A text that writes or reads the log, with the temporary table of `queries/repair_standin.sql` in its place."""
    return text.replace("chatops.actions", "pg_temp.chatops_actions")


def view_text(name: str, *, before_018: bool = False) -> str:
    """The text of one file of `sql/views`, in its variant for old databases where asked for and there is one."""
    file = f"views/{name}.sql"
    return read(variant(file) if before_018 else file)


@cache
def is_function(name: str) -> bool:
    """Whether a file of `sql/views` makes a function; the others make views."""
    return body(read(f"views/{name}.sql")).startswith("create or replace function ")


def _view_body(text: str) -> str:
    """The SELECT of a `create or replace view … as SELECT …;` file, with null for what it asks a function that may be absent."""
    for name in filter(is_function, words(header(text).get("needs", ""))):
        text = text.replace(f"(select {name}())", "null::timestamptz")
    own = body(text).split(";\n", 1)[0].removesuffix(";")
    match = re.match(r"create\s+or\s+replace\s+view\s+\S+(?:\s+with\s*\([^)]*\))?\s+as\s+", own, re.IGNORECASE)
    if match is None:
        raise ValueError("a file of sql/views that others need must be a view")
    return own[match.end() :]
