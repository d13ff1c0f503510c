"""Which body each function must have, by the shipped files that are in."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from functools import cache

from chatops import sqlfiles

# At the start of a line: what stands inside a DO block is made under conditions that only the file knows.
_FUNCTION = re.compile(
    r"^create (?:or replace )?function ([a-z_][a-z0-9_]*)\((?:(?!^create ).)*?^\s*as (\$[a-z_]*\$)(.*?)\2",
    re.MULTILINE | re.DOTALL,
)


def of_files(files: Iterable[str]) -> str:
    """For files below `sql/` in the order they went in: `{"function": {"file": …, "md5": […]}}` as JSON, the last file's body of
    each function; several where it makes overloads.

    >>> import json
    >>> json.loads(of_files(["migrations/017_fix_concurrent_messages.sql"]))["should_keep_assignment"]["file"]
    '017_fix_concurrent_messages'
    """
    found: dict[str, dict[str, object]] = {}
    for file in files:
        for name, digests in _made_by(file).items():
            found[name] = {"file": file.rpartition("/")[2].removesuffix(".sql"), "md5": digests}
    return json.dumps(found)


@cache
def _made_by(file: str) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for match in _FUNCTION.finditer(sqlfiles.read(file).replace("\r\n", "\n")):
        made.setdefault(match[1], []).append(hashlib.md5(match[3].encode(), usedforsecurity=False).hexdigest())
    return made
