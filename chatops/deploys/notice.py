"""What `monitor --notify` says of a look: one message, in a shape that Slack, Teams and PagerDuty take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

from chatops import formatting
from chatops.deploys.monitor_state import Transition, Watch, verdict

_AS_PAGERDUTY = {"critical": "critical", "warning": "warning", "unknown": "error"}

SEVERITIES = ("critical", "warning", "unknown")
_WORDS = {"critical": "BAD", "warning": "WARN", "unknown": "UNKNOWN"}


def worst_open(watch: Watch) -> str | None:
    """The severity of the worst that is open, whether it was there before or not; None where nothing is."""
    return next((one for one in SEVERITIES if any(each.severity == one for each in watch.open.values())), None)


def word(watch: Watch) -> str:
    """How it is now in a word, that of `diagnose --brief`."""
    return _WORDS.get(worst_open(watch) or "", "OK")


def due(watch: Watch) -> bool:
    """Whether something is to be said: a finding that appeared or went, or the verdict at the end."""
    return bool(watch.untold) or (watch.finished and not watch.end_told)


def told(watch: Watch, said: Watch) -> Watch:
    """The watch after what was due in `said` was taken."""
    left = tuple(one for one in watch.untold if one not in said.untold)
    return replace(watch, untold=left, end_told=watch.end_told or said.finished)


def message(watch: Watch) -> dict[str, object]:
    """What is due, as one message: `text` and `summary` for chats, `payload` and `dedup_key` for PagerDuty, `new`, `gone` and
    `verdict` for programs. All messages about one database have the same `dedup_key`, those of later watches, too."""
    new = [one for one in watch.untold if one.kind == "new"]
    gone = [one for one in watch.untold if one.kind == "resolved"]
    says = verdict(watch).sentence
    # As it is now, and not only what changed: an incident ends when nothing is open any more.
    worst, called = worst_open(watch), word(watch)
    if worst is None and watch.finished and verdict(watch).code:
        worst, called = "unknown", "UNKNOWN"  # no look reached the database, or none could measure
    parts = [f"new: {_codes(new)}"] * bool(new) + [f"gone: {_codes(gone)}"] * bool(gone)
    parts += [f"finished: {says}"] * watch.finished
    # Read on a phone: how bad, where, what.
    where = watch.environment or watch.place
    summary = formatting.visible(f"{called} chatops {where}: {'; '.join(parts) or says}")
    lines = [summary, *(_line(one) for one in (*new, *gone)), *([] if watch.finished else [formatting.visible(says)])]
    lines += [formatting.visible(f"look: {watch.program} diagnose")] if watch.program and worst is not None else []
    return {
        "text": "\n".join(lines),
        "summary": summary,
        "event_action": "trigger" if worst is not None else "resolve",
        "dedup_key": f"chatops {watch.place}",
        "payload": {"summary": summary[:1024], "source": watch.place, "severity": _AS_PAGERDUTY.get(worst or "", "info")},
        "place": watch.place,
        "at": watch.ticks[-1].at if watch.ticks else watch.started,
        "new": [asdict(one) for one in new],
        "gone": [asdict(one) for one in gone],
        "word": called,
        "verdict": says,
        "finished": watch.finished,
    }


def variables(said: Mapping[str, object]) -> dict[str, str]:
    """The same for a command's environment."""
    new, gone = said["new"], said["gone"]
    assert isinstance(new, list)
    assert isinstance(gone, list)
    return {
        "CHATOPS_EVENT_TEXT": str(said["text"]), "CHATOPS_EVENT_SUMMARY": str(said["summary"]),
        "CHATOPS_EVENT_PLACE": str(said["place"]), "CHATOPS_EVENT_AT": str(said["at"]),
        "CHATOPS_EVENT_WORD": str(said["word"]), "CHATOPS_EVENT_VERDICT": str(said["verdict"]),
        "CHATOPS_EVENT_NEW": ",".join(one["code"] for one in new), "CHATOPS_EVENT_GONE": ",".join(one["code"] for one in gone),
    }  # fmt: skip


def _codes(found: list[Transition]) -> str:
    return ", ".join(one.code for one in found)


def _line(one: Transition) -> str:
    kind = "gone" if one.kind == "resolved" else one.kind
    return formatting.visible(f"{kind}  {one.severity}  {one.code}  {one.title}")
