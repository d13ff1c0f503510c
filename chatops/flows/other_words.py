"""Words that other tools have for what chatops does, or does not do: whoever types one is shown ours, or why there is none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from chatops.frozen import frozen


@frozen
class Ours:
    """What chatops has for a word: a sentence, and commands with labels (without the program's name)."""

    says: str
    steps: tuple[tuple[str, str], ...]


_NO_WAY_BACK = Ours(
    "no migration is taken back by itself: from 018 on all go together, of an earlier one you get the SQL",
    (
        ("018 and later", "remove --dry-run"),
        ("an earlier one", "migrate --back FILE"),
        ("a move of chats", "undo ACTION"),
        ("the next file", "new NAME"),
    ),
)
_APPLY = Ours("applying the pending files is migrate", (("look", "migrate --dry-run"), ("apply", "migrate")))
_STATUS = Ours("which files are in is status", (("which files", "status"),))
_ADOPT = Ours(
    "taking over an existing database is adopt; an empty one needs no preparation",
    (("an existing database", "adopt"), ("an empty one", "migrate --dry-run")),
)
_NEW = Ours("the next file of a folder is made by new", (("the next file", "new NAME"),))
_NOTHING_EMPTIED = Ours(
    "chatops empties no database",
    (
        ("what chatops made", "remove --dry-run"),
        ("the demo anew", "demo"),
        ("a folder from nothing, on a scratch server", "check"),
    ),
)
_LEDGER = Ours(
    "the ledger is put right by adopt",
    (("what is odd", "status"), ("an edited file", "adopt --edited FILE"), ("one that vanished", "adopt --forget FILE")),
)
_VALIDATE = Ours(
    "a deploy is judged by verify, files by lint and check",
    (("the database", "verify"), ("pending files", "lint"), ("a folder from nothing", "check")),
)
_DIFF = Ours(
    "what differs is shown by adopt and verify",
    (("from the files", "adopt --diff --dry-run"), ("from a deploy", "verify --against RECEIPT --diff")),
)
_PSQL = Ours("psql on this database is psql", (("read-only", "psql"),))
_SETTINGS = Ours("which database is meant, and why, is config", (("settings", "config"), ("can I work here", "doctor")))

WORDS: Mapping[str, Ours] = {
    **dict.fromkeys(("rollback", "down", "downgrade", "revert", "unapply", "back", "redo"), _NO_WAY_BACK),
    **dict.fromkeys(("up", "apply", "upgrade", "push", "run", "update", "sync", "migrations:migrate"), _APPLY),
    **dict.fromkeys(
        ("info", "history", "current", "heads", "showmigrations", "version", "versions", "list", "ls", "pending"), _STATUS
    ),
    **dict.fromkeys(("init", "baseline", "stamp", "setup", "install", "bootstrap", "import", "resolve", "mark"), _ADOPT),
    **dict.fromkeys(("create", "generate", "make", "makemigrations", "revision", "add"), _NEW),
    **dict.fromkeys(("reset", "drop", "clean", "wipe", "flush", "truncate", "refresh", "fresh"), _NOTHING_EMPTIED),
    **dict.fromkeys(("repair-ledger", "repair-history", "fix-checksums", "hash", "rehash", "set"), _LEDGER),
    **dict.fromkeys(("validate", "test", "audit"), _VALIDATE),
    **dict.fromkeys(("diff", "compare", "drift", "inspect"), _DIFF),
    **dict.fromkeys(("dbshell", "shell", "sql", "query", "connect", "console:db"), _PSQL),
    **dict.fromkeys(("login", "link", "whoami", "env", "settings", "use"), _SETTINGS),
    "plan": Ours("what migrate would do is its dry run", (("look", "migrate --dry-run"),)),
    "preview": Ours("what migrate would do is its dry run", (("look", "migrate --dry-run"),)),
    "dump": Ours(
        "the text of files is shown by migrate", (("a file", "migrate --show FILE"), ("pending", "migrate --dry-run -o sql"))
    ),
    "script": Ours("the text of pending files is a dry run's", (("their SQL", "migrate --dry-run -o sql"),)),
    "squash": Ours("files that are in stay as they are, the ledger holds their checksums", (("which are in", "status"),)),
    "seed": Ours("made-up chats are the demo's", (("a working system", "demo"),)),
    "start": Ours("a system to try is the demo", (("start", "demo"),)),
    "stop": Ours("the demo is stopped by its option", (("stop", "demo --stop"),)),
    "health": Ours("what is wrong now is diagnose", (("now", "diagnose --brief"), ("until it answers", "wait"))),
    "ping": Ours("whether the server answers is wait", (("until it answers", "wait"),)),
    "logs": Ours("who did what is log", (("newest first", "log"),)),
    "fix": Ours("what a finding names is mended by repair", (("findings", "diagnose"), ("preview", "repair --dry-run"))),
    "assign": Ours("a chat is given by reassign", (("give it", "reassign CHAT --to OPERATOR"),)),
    "transfer": Ours("a chat is given by reassign", (("give it", "reassign CHAT --to OPERATOR"),)),
    "unassign": Ours("a chat goes back to the queue by release", (("give it back", "release CHAT"),)),
    "backup": Ours(
        "chatops makes no backup, pg_dump does", (("its log", "log -o jsonl"), ("findings", "diagnose --capture FILE"))
    ),
}  # fmt: skip
"""Of Flyway, Liquibase, dbmate, golang-migrate, goose, Atlas, the Supabase CLI, Prisma, Alembic, Django, Rails, and of speech."""
_GROUPS = ("db", "database", "migration", "migrations", "migrate", "schema")
"""Words that other tools put in front of the word that matters: `supabase db push`, `prisma migrate resolve`."""


def behind_migrate(word: str, commands: Collection[str]) -> Ours | None:
    """The same for a word behind migrate, which may be a command of chatops, too.

    >>> behind_migrate("status", ["status"]).steps, behind_migrate("017", ["status"])
    ((('that is', 'status'),), None)
    """
    if word in commands:
        return Ours(f"{word} is a command of its own", (("that is", word),))
    return None if word in _GROUPS else WORDS.get(word)


def ours(words: Sequence[str]) -> Ours | None:
    """What chatops has for a line of another tool, by its words; None for words of nobody.

    >>> ours(["rollback", "017"]).says
    'no migration is taken back by itself: from 018 on all go together, of an earlier one you get the SQL'
    >>> ours(["db", "push"]).steps[0], ours(["summry"])
    (('look', 'migrate --dry-run'), None)
    """
    plain = [word.lower().replace("_", "-") for word in words if not word.startswith("-")]
    if len(plain) > 1 and plain[0] in _GROUPS and plain[1] in WORDS:
        return WORDS[plain[1]]
    if plain and plain[0] not in WORDS and plain[0] in _GROUPS:
        return _APPLY
    return WORDS.get(plain[0]) if plain else None
