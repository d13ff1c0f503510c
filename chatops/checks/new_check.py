"""`make new-check CODE=…`: the files of a new check, with every key of their heads explained."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from chatops import sqlfiles
from chatops.checks import heads, load
from chatops.errors import ChatopsError, UsageError
from chatops.repairs import texts as repairs

_FILLED = {"severity": "warning", "group": "data", "kind": "state", "reads": "chats", "says": "stats seem wrong"}
_CHECK_END = """\
-- One query, no semicolon. It selects the offending rows, chat_id and operator_id by these names; none: the check passes.
-- A first row with `advice` true makes it advice, one with `critical` true critical; `passes_as` says as what it passes.
select c.id as chat_id
  from chats c
 where false
 order by c.id
"""
_PLANT = """\
-- Plants {code}: how it came about, in one sentence.
-- also: the codes that are found with it, or take this line out
-- not-in-demo: why the demo does without it, or take this line out
-- sql/demo/stage.sql has victim, newcomer, write_as_user, reply_as and more. No other plant takes chats ending in '{digits}'.
do $plant$
declare
  v_chat_id constant uuid := pg_temp.victim('{digits}');
begin
  update chats set updated_at = now() where id = v_chat_id;
end
$plant$;
"""
_REPAIR = """\
-- Says what it does to a row: chatops explain shows these lines.
--
-- order: {order}
-- First what is wrong, read once and without a lock; then a batch of it: judged anew, locked, and compared by its version.
-- The place in the order: lower is mended first, for it makes the rest smaller.

select c.id as chat_id
  from chats c
 where false
;

with candidate as materialized (
  select c.id, c.xmin as seen
    from pg_catalog.jsonb_to_recordset(:'found'::jsonb) as f (chat_id uuid)
    join chats c on c.id = f.chat_id
   where false
   order by c.id
), locked as materialized (
  select pg_catalog.to_jsonb(c) as before, c.id
    from candidate k
    join chats c on c.id = k.id
   where c.xmin = k.seen
     for no key update of c skip locked
), changed as (
  update chats c
     set updated_at = pg_catalog.now()
    from locked l
   where c.id = l.id
  returning c.id, pg_catalog.to_jsonb(c) as after
), logged as (
  insert into chatops.actions (action, code, chat_id, before, after)
  select 'repair', '{code}', n.id, l.before, n.after
    from changed n
    join locked l on l.id = n.id
)
select pg_catalog.jsonb_build_object(
         'mended', (select pg_catalog.count(*) from changed),
         'busy', (select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('chat_id', k.id)), '[]')
                    from candidate k where not exists (select from locked l where l.id = k.id)));
"""


def texts(code: str, *, repair: bool) -> dict[str, str]:
    """The new files by their path below `sql/`. Raises UsageError for what is no code, or is taken."""
    if not load.CODE.match(code):
        raise UsageError(f"a code is capitals and three digits, such as SHOP001, not {code!r}")
    if code in {check.code for check in load.shipped()}:
        raise UsageError(f"the code {code} is taken")
    made = {f"checks/{code}.sql": _check(code, repair=repair), f"plants/{code}.sql": _PLANT.format(code=code, digits=_digits())}
    if repair:
        order = max(known.order for known in repairs.shipped()) + 10
        made[f"repairs/{code}.sql"] = _REPAIR.format(code=code, order=order)
    return made


def _check(code: str, *, repair: bool) -> str:
    known = {**_FILLED, "code": code}
    if repair:
        known |= {"help": f"repair {code} --dry-run"}
    lines = [f"-- Which rows are wrong, as a question: {code}?"]
    for key in heads.KEYS:
        if key.name in known or key.required:
            lines += [f"--- {key.meaning}", f"-- {key.name}: {known.get(key.name) or key.example}"]
        else:
            words = f" ({' or '.join(key.words)})" if key.words else ""
            lines.append(f"--- {key.name}: {key.meaning}{words}" + (f", such as {key.example}" if key.example else ""))
    lines.append("--- Lines that begin with --- explain: take them out, and the keys that say nothing here.")
    return "\n".join(lines) + "\n" + _CHECK_END


def _digits() -> str:
    """Two digits by which no plant chooses its chat."""
    there = "".join(sqlfiles.read(f"plants/{name}.sql") for name in sqlfiles.names("plants"))
    taken = set(re.findall(r"victim\('([0-9a-f]{2})'", there))
    return next(f"{number:02x}" for number in range(256) if f"{number:02x}" not in taken)


def main(arguments: Sequence[str]) -> int:
    """Writes the files of a code into `sql/`; with a second word the repair, too."""
    try:
        made = texts(arguments[0] if arguments else "", repair=len(arguments) > 1)
    except ChatopsError as error:
        sys.stderr.write(f"{error.message}\n")
        return int(error.exit_code)
    for relative, text in made.items():
        path = sqlfiles.root() / relative
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}\n")
    sys.stdout.write(f"Next: fill them in, then make docs and make test-one K={arguments[0]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
