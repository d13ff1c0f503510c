"""How one `[snooze.CODE]` is written into chatops.toml, or taken out. Apart: tomlkit is for whoever writes."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import tomlkit

from chatops.errors import UsageError
from chatops.files import write_file
from chatops.settings.configuration import checked
from chatops.settings.snoozes import Snooze


def change_snooze(path: Path, code: str, snooze: Snooze | None, schema: str | None = None) -> bool:
    """Writes one finding's snooze into a file, or takes it out (None); the rest stays as it was. False: nothing to change.

    With `schema` for that tenant alone: the others that the file names keep theirs.

    Two who write at once wait for each other. Raises UsageError when the file is not valid, or cannot be written.
    """
    with _alone(path.parent):
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            text = ""
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
        changed = with_snooze(text, code, snooze, path, schema)
        if changed == text:
            return False
        write_file(path, changed)
        return True


def with_snooze(text: str, code: str, snooze: Snooze | None, path: Path, schema: str | None = None) -> str:
    """The text of a `chatops.toml` with one finding's snooze written, replaced, or taken out (None); comments and order stay.

    >>> with_snooze('[env.x]  # mine\\nurl = "local"\\n', "CHAT003", None, Path("chatops.toml"))
    '[env.x]  # mine\\nurl = "local"\\n'
    """
    checked(text, path)
    document = tomlkit.parse(text)
    table = document.get("snooze")
    if snooze is None:
        if table is None or code not in table:
            return text
        others = [one for one in table[code].get("schemas", ()) if one != schema]
        if schema is not None and len(others) == len(table[code].get("schemas", ())):
            return text
        if schema is not None and others:
            table[code]["schemas"] = others
        else:
            del table[code]
        if not table:
            del document["snooze"]
    else:
        if table is None:
            table = document["snooze"] = tomlkit.table(is_super_table=True)
        if code in table:
            named = table[code].get("schemas")
            table[code]["until"], table[code]["reason"] = snooze.until, snooze.reason
            if named is not None and schema is None:
                del table[code]["schemas"]
            elif named is not None:
                table[code]["schemas"] = list(dict.fromkeys([*named, schema]))
        else:
            entry = tomlkit.table()
            entry.add("until", snooze.until)
            entry.add("reason", snooze.reason)
            if schema is not None:
                entry.add("schemas", [schema])
            table[code] = entry
    written = tomlkit.dumps(document)
    checked(written, path)
    return written


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
