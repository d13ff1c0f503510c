"""What files bring along that were written for another migration tool: parts that undo, and what must not be a transaction.

dbmate, goose, sql-migrate, node-pg-migrate and shmig mark the part that goes up and the part that goes down: the first runs, the
second is made blank, so that offsets and lines hold. The marks of every other tool are named, and the file is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from chatops.frozen import frozen
from chatops.migrations.directives import comments_between
from chatops.migrations.migration_text import Problem, problem_at
from chatops.migrations.scanner import Late, Script, Token, comments, place, script

_SPACE = r"[ \t]"


@frozen
class Tool:
    """What a tool writes into files, by the text of a comment line.

    `up` begins the part that goes up, `down` the one that undoes, `alone` says that the file must not be one transaction.
    """

    name: str
    up: Late
    down: Late
    alone: Late


_NEVER = "(?!)"


def _tool(name: str, *, up: str = _NEVER, down: str = _NEVER, alone: str = _NEVER) -> Tool:
    return Tool(name, *(Late(f"(?i:{mark})") for mark in (up, down, alone)))


VARIABLES = "goose ENVSUB"
CONDITIONS = "Liquibase"
_KNOWN = (
    _tool(
        "dbmate",
        up=rf"--{_SPACE}*migrate:up\b",
        down=rf"--{_SPACE}*migrate:down\b",
        alone=r"--\s*migrate:up\b.*\btransaction\s*:\s*false\b",
    ),
    _tool(
        "goose",
        up=rf"--{_SPACE}*\+goose{_SPACE}+up\b",
        down=rf"--{_SPACE}*\+goose{_SPACE}+down\b",
        alone=r"--\s*\+goose\s+no\s+transaction\b",
    ),
    _tool(
        "sql-migrate",
        up=rf"--{_SPACE}*\+migrate{_SPACE}+up\b",
        down=rf"--{_SPACE}*\+migrate{_SPACE}+down\b",
        alone=r"--\s*\+migrate\s+up\b.*\bnotransaction\b",
    ),
    _tool("node-pg-migrate", up=rf"--[\s-]*up{_SPACE}+migration\b", down=rf"--[\s-]*down{_SPACE}+migration\b"),
    _tool("shmig", up=rf"--{_SPACE}*=+{_SPACE}*up{_SPACE}*=+", down=rf"--{_SPACE}*=+{_SPACE}*down{_SPACE}*=+"),
    _tool("micrate", down=r"--\s*\+micrate\s+down\b"),
    _tool("rambler", down=r"--\s*rambler\s+down\b"),
    _tool("yoyo", alone=r"--\s*transactional\s*:\s*false\b"),
    _tool("tern", down=r"-{2,}\s*create\s+above\s*/\s*drop\s+below\s*-*", alone=r"-{2,}\s*tern:\s*disable-tx\b"),
    _tool("graphile-migrate", alone=r"--!\s*no-transaction\b"),
    _tool("migratus", alone=r"--\s*:disable-transaction\b"),
    _tool("Play Evolutions", down=r"--+\s*!downs\b"),
    _tool("MyBatis Migrations or dbdeploy", down=r"--\s*//\s*@undo\b"),
    _tool(
        "Liquibase",
        down=r"--\s*rollback\s+\S|/\*\s*liquibase\s+rollback\b",
        alone=r"--\s*changeset\b.*\brunInTransaction\s*:\s*\"?false\b",
    ),
    _tool("Atlas", down=r"--\s*down\.sql\s*--", alone=r"--\s*atlas:txmode\s+none\b"),
    _tool("Flyway", alone=r"--\s*flyway:executeInTransaction\s*=\s*false\b"),
    _tool("Evolve", alone=r"--\s*evolve-tx-off\b"),
    _tool("postgres-migrations", alone=r"--\s*postgres-migrations\s+disable-transaction\b"),
    _tool("Bytebase", alone=r"--\s*txn-mode\s*=\s*off\b"),
    _tool("sqlx", alone=r"--\s*(?:no|without|disable)[ _-]?transactions?\s*"),
    _tool("Sqitch", down=r"--\s*revert\s+\S+:\S+\s+from\s+\w+\s*$"),
    _tool("Alembic", down=r"--\s*running\s+downgrade\b"),
    _tool("another tool", down=r"--\s*(?!migrate:)[a-z][\w-]*:(?:down|undo|rollback|revert)\s*$"),
    _tool("another tool", down=r"--\s*\+\s*(?!goose\b|migrate\b)[a-z][\w-]*\s+(?:down|undo|rollback|revert)\s*$"),
    _tool(VARIABLES, down=r"--\s*\+goose\s+envsub\s+on\b"),
)
TOOLS = tuple(tool for tool in _KNOWN if _NEVER not in tool.up.pattern)
"""Those whose files are taken apart. What undoes in a file of any other is refused."""
_REFUSED = tuple(tool for tool in _KNOWN if tool not in TOOLS and _NEVER not in tool.down.pattern)
# What Liquibase runs in some places only.
_CONDITION = re.compile(
    r"--\s*(?:preconditions\b|changeset\b.*\b(?:context|contextFilter|labels)\s*:|changeset\b.*\bdbms\s*:\s*\"?(?!postgres))",
    re.IGNORECASE,
)
_UNDOING = "downs?|undo|roll[ -]?back|revert|downgrade"
_FILLING = r"migrat(?:e|ion|ions)|section|part|script|sql|code|begins?|starts?|here|below"
# A comment that says nothing but that what follows undoes; it counts only where statements follow.
_PLAIN_DOWN = re.compile(
    rf"[\W_]*(?:(?:{_FILLING})[\W_]+)*(?:{_UNDOING})(?:[\W_]+(?:{_FILLING}|{_UNDOING}))*[\W_]*", re.IGNORECASE
)
_PLAIN_UP = re.compile(
    rf"[\W_]*(?:(?:{_FILLING})[\W_]+)*(?:ups?|do|apply|upgrade|forward)(?:[\W_]+(?:{_FILLING}))*[\W_]*", re.IGNORECASE
)
_ANY_MARK = re.compile(
    rf"migrate:|\+goose|\+migrate|\+micrate|rambler|!downs|@undo|drop\s+below|envsub|changeset|preconditions|down\.sql|\b(?:{_UNDOING})\b",
    re.IGNORECASE,
)
# Without one of these in it, in lower case, no text holds a mark: most are told by that, a pattern looks at each character.
_HINTS = (
    "migrate:", "+goose", "+migrate", "+micrate", "rambler", "down", "undo", "drop", "envsub", "changeset", "preconditions",
    "roll", "revert",
)  # fmt: skip
_WITH_PARTS = ("dbmate", "goose", "sql-migrate")
_MARKS = re.compile(r"--\s*(?:migrate:|\+goose|\+migrate)", re.IGNORECASE)


@frozen
class UpPart:
    """A text without the parts that undo, which are blank, and the words for that; `problems` keep it from running."""

    text: str
    left_out: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def up_part(name: str, text: str) -> UpPart:
    """What of a file may run."""
    lowered = text.lower()
    if not (any(hint in lowered for hint in _HINTS) and _ANY_MARK.search(text)):
        return UpPart(text)
    lines = _comment_lines(text)
    refused = tuple(_refused(name, text, lines))
    for tool in TOOLS:
        parts = _parts(text, tool, [line.comment for line in lines])
        if any(not part.up and part.runs for part in parts):
            others = tuple(problem for problem in refused if problem.code == "other-tool")
            return _cut(name, text, tool, parts, others)
    return UpPart(text, (), refused)


def declared_no_transaction(read: Script, head: Sequence[Token]) -> str | None:
    """The tool by whose words a file must not be one transaction: at its head, or, for tools with parts, at any mark."""
    marks = [*comments_between(read, _MARKS)]
    for tool in _KNOWN:
        for comment in marks if tool.name in _WITH_PARTS else head:
            # A note such as “no transaction is needed here” is none.
            if match := tool.alone.match(comment.text.strip()):
                if tool.name == "sqlx" and match.end() < len(comment.text.strip()):
                    continue
                return tool.name
    return None


@frozen
class _Part:
    """A part of a file from its mark to the next one; `runs` says whether it holds more than comments."""

    mark: Token
    up: bool
    end: int
    runs: bool


def _parts(text: str, tool: Tool, lines: Sequence[Token]) -> list[_Part]:
    """The parts that a tool sees in a file, in order; [] where none of its marks is there."""
    marks = [(comment, up) for comment in lines for up in (True, False) if (tool.up if up else tool.down).match(comment.text)]
    ends = [comment.start for comment, _ in marks[1:]] + [len(text)]
    return [
        _Part(comment, up, end, bool(script(text[comment.start : end]).statements))
        for (comment, up), end in zip(marks, ends, strict=False)
    ]


def _cut(name: str, text: str, tool: Tool, parts: Sequence[_Part], problems: Sequence[Problem]) -> UpPart:
    """The text with everything blank that the tool runs only to go down."""
    found = list(problems)
    first = parts[0].mark
    if not any(part.up for part in parts):
        found.append(
            problem_at(
                name, place(text, first.start), "down-section",
                f"{tool.name} would run this to undo, and nothing here is marked to go up: {first.text.strip()[:60]}",
                "mark the part that goes up, or remove the one that undoes",
            )
        )  # fmt: skip
    elif before := script(text[: first.start]).statements:
        found.append(
            problem_at(
                name, before[0], "before-up-part", f"stands before the first mark of {tool.name}, and would not run there",
                "move it into the part that goes up",
            )
        )  # fmt: skip
    pieces: list[str] = []
    left_out: list[str] = []
    done = 0
    for part in parts:
        if part.up or not part.runs:
            continue
        down = text[part.mark.start : part.end]
        pieces += [text[done : part.mark.start], _blank(down)]
        done = part.end
        last = place(text, part.mark.start + len(down.rstrip())).line
        left_out.append(f"left out: lines {place(text, part.mark.start).line} to {last}, which undo ({tool.name})")
    return UpPart("".join([*pieces, text[done:]]), tuple(left_out), tuple(found))


def _refused(name: str, text: str, lines: Sequence[_Line]) -> Iterator[Problem]:
    """The marks of tools whose files are not taken apart, and comments that say no more than “down”."""
    for line in lines:
        comment, at = line.comment, place(text, line.comment.start)
        mark = comment.text.strip()[:60]
        tool = next((other.name for other in _REFUSED if other.down.match(comment.text)), None)
        if tool == VARIABLES:
            what = f"{tool} puts values of the environment in from here on"
            yield problem_at(name, at, "other-tool", what, "write the values")
        elif _CONDITION.match(comment.text):
            what = f"{CONDITIONS} runs this only where a condition holds: {mark}; chatops would run it everywhere"
            yield problem_at(
                name, at, "other-tool", what, "move what belongs elsewhere out of the file, and remove the condition"
            )
        elif tool is not None:
            # Liquibase keeps what undoes in comments; of the others an empty part does no harm.
            if tool == "Liquibase" or _runs_after(text, comment, lines):
                what = f"{tool} marks a part that undoes: {mark}; chatops does not take files of {tool} apart"
                yield problem_at(name, at, "down-section", what, "remove that part and its mark: chatops only goes forward")
        elif line.plain and _PLAIN_DOWN.fullmatch(comment.text) and _runs_after(text, comment, lines):
            what = f"a part that undoes seems to begin here ({mark}); it would run right after the rest"
            yield problem_at(name, at, "down-section", what, "remove that part; if it is none, say more in the comment")


def _runs_after(text: str, comment: Token, lines: Sequence[_Line]) -> bool:
    """Whether statements follow a mark, up to the next part that goes up."""
    following = (
        line.comment.start for line in lines if line.comment.start > comment.start and _PLAIN_UP.fullmatch(line.comment.text)
    )
    return bool(script(text[comment.start : next(following, len(text))]).statements)


@frozen
class _Line:
    """A comment that begins a line; `between` says whether it stands between statements."""

    comment: Token
    between: bool

    @property
    def plain(self) -> bool:
        """Whether it is one line between statements."""
        return self.between and "\n" not in self.comment.text


def _comment_lines(text: str) -> list[_Line]:
    """The comments that begin a line, wherever they stand but in literals and COPY rows; Play's begin with a #."""
    found: list[_Line] = []
    done = 0
    for statement in [*script(text).statements, None]:
        # Inside a statement, too: an up part may lack its last semicolon.
        start = end = len(text)
        if statement is not None:
            start, end = statement.start, statement.stop
        found += [
            _Line(comment, comment.start < start)
            for comment in comments(text, done, end)
            if not _before(text, comment.start).strip(" \t#")
        ]
        if statement is not None:
            done = max(done, statement.copy_data[1] if statement.copy_data is not None else statement.stop)
    return found


def _before(text: str, offset: int) -> str:
    return text[text.rfind("\n", 0, offset) + 1 : offset]


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
