"""What adopt found of one file, in words; what was compared and what was only seen to be there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from chatops import formatting
from chatops.migrations.adopt_verdicts import Proof, Verdict
from chatops.migrations.plan import short


def in_words(proof: Proof) -> str:
    """What was found of a file, in one sentence."""
    if proof.verdict is Verdict.RECORDED:
        return "the ledger has it"
    parts: list[str] = []
    if proof.verdict is Verdict.PENDING and proof.missing:
        parts.append("not there: " + _some(condensed(proof.missing)))
    elif proof.missing:
        parts.append("missing: " + ", ".join(condensed(proof.missing)))
        parts.append(formatting.plural(len(proof.there), "other object is there", "other objects are there"))
    elif proof.there:
        parts.append(_there(proof))
    elif proof.verdict is Verdict.APPLIED and proof.history is not True:
        parts.append("later files that are in need it")
    if proof.drifts and proof.verdict is not Verdict.PENDING:
        bodies = [other.what.removeprefix("function ") for other in proof.drifts if other.body]
        rest = [other.what for other in proof.drifts if not other.body]
        parts += ["another body: " + ", ".join(bodies)] if bodies else []
        parts += ["defined differently: " + ", ".join(rest)] if rest else []
    if proof.verdict is Verdict.UNPROVABLE:
        parts.append(_unprovable(proof))
    if proof.history is not None:
        parts.append("the history has it" if proof.history else "the history has it not")
    return "; ".join(parts)


def _there(proof: Proof) -> str:
    """How many objects are there, and of how many more than the name was compared."""
    number, same = len(proof.there), min(proof.same, len(proof.there))
    if not proof.unlike:
        return f"{same} of {number} as in the file"
    told = formatting.plural(number, "object is there", "objects are there")
    return f"{told}: {same} as in the file, {len(proof.unlike)} not compared" if same else f"{told}, not compared"


def _some(told: Sequence[str]) -> str:
    return formatting.listed(told, 1)


def _unprovable(proof: Proof) -> str:
    reading = proof.file.reading
    if not reading.is_known:
        return "cannot be read"
    if not reading.statements and reading.repairs is None:
        return "holds nothing to run"
    if proof.silent:
        return "what it makes, other files make or drop too"
    if proof.unread:
        return "builds its statements when it runs, or changes what is not looked at"
    return "moves data or sets privileges only"


def condensed(missing: Sequence[str]) -> list[str]:
    """Missing objects without the columns and the like of tables that are missing themselves."""
    tables = [one.removeprefix("table ") for one in missing if one.startswith("table ")]
    return [
        one
        for one in missing
        if not any(one.startswith(f"column {table}.") or one.endswith((f" on {table}", f" of {table}")) for table in tables)
    ]


def not_compared(proofs: Sequence[Proof]) -> str:
    """How many objects of each kind were only looked for, of the files that are taken over."""
    kinds = Counter(
        kind for proof in proofs if proof.verdict is not Verdict.RECORDED and not proof.missing
        for kind in proof.unlike
    )  # fmt: skip
    told = ", ".join(formatting.plural(number, kind, PLURALS.get(kind)) for kind, number in sorted(kinds.items()))
    unlike = [proof for proof in proofs if proof.verdict is not Verdict.RECORDED and not proof.missing and proof.unlike]
    blocks = [short(proof.file.name) for proof in unlike if _makes_what_is_missing(proof)]
    why = ""
    if blocks:
        makes = "makes" if len(blocks) == 1 else "make"
        why = f" ({', '.join(blocks)} {makes} such only where they are missing, so another text may be there)"
    return (
        f"Not compared with the files, only seen to be there: {told}{why}. No command compares them; verify"
        " finds what the chats suffer from, and once they are taken over verify schema tells which function was replaced"
        " since (DB034)."
    )


def left_as_it_was(proofs: Sequence[Proof]) -> str:
    """Which files left as they found it what they would make differently; "" for none."""
    found = [short(proof.file.name) for proof in proofs if proof.drifts and proof.history is not True]
    files, makes, leaves = ", ".join(found), *(("makes", "leaves") if len(found) == 1 else ("make", "leave"))
    told = f"{files} {makes} only what is missing and {leaves} what is there: what differs is taken over as found."
    return told if found else ""


def _makes_what_is_missing(proof: Proof) -> bool:
    """Whether a file makes things in a block that looks first whether they are there: it holds no text that has to be so."""
    return any(re.match(r"do\b", statement.text, re.IGNORECASE) for statement in proof.file.reading.statements)


PLURALS = {"policy": "policies", "index": "indexes"}
