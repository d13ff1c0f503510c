"""The live desk's first page over many tenants: the worst first, those in which nobody waits counted in one line."""

from __future__ import annotations

from datetime import timedelta

from chatops import formatting
from chatops.chats.desk import TenantFigures, TenantsLook
from chatops.model import Line, Span
from chatops.screens.console import Row, Section, age
from chatops.widths import cut

HEADINGS = ("", "wait", "oldest", "95 % under", "free", "busy", "away")
WIDTHS = (21, 7, 9, 10, 5, 5)


def sections(look: TenantsLook) -> list[Section]:
    """Those that cannot be seen, then who has waited longest, then all others by name."""
    ordered = sorted(look.tenants, key=lambda one: (one.unseen is None, -_seconds(one), one.name))
    rows = tuple(_row(one) for one in ordered)
    return [Section("tenants", "TENANTS", rows, HEADINGS, WIDTHS, least=3)]


def _seconds(one: TenantFigures) -> float:
    return (one.wait or timedelta(0)).total_seconds()


def _row(one: TenantFigures) -> Row:
    key, name, words = ("tenant", one.name), formatting.visible(one.name), (one.flags, "summary")
    figures = one.queue
    if figures is None:
        return Row(key, (name, f"not seen: {formatting.visible(one.unseen or '')}"), words, style="warning")
    p95 = formatting.duration(figures.p95_seconds) if figures.p95_seconds is not None else "—"
    oldest = age(figures.oldest, one.now) if figures.waiting else "—"
    numbers = (figures.free, figures.busy, figures.away)
    cells = (name, formatting.count(figures.waiting), oldest, p95, *(formatting.count(number) for number in numbers))
    return Row(key, cells, words, style="plain" if figures.waiting else "dim")


def verdict(look: TenantsLook, width: int) -> Line:
    """How many tenants there are, who waits in all, what was not seen."""
    seen = [one.queue for one in look.tenants if one.queue is not None]
    unseen = len(look.tenants) - len(seen)
    waiting = sum(one.waiting for one in seen)
    oldest = max((_seconds(one) for one in look.tenants), default=0.0)
    told = f" {formatting.plural(len(look.tenants), 'tenant')}: {formatting.count(waiting)} wait"
    told += f", oldest {formatting.duration(oldest)}" if waiting else ""
    missing = f"   {unseen} NOT SEEN" if unseen else ""
    return [Span(cut(told, width - len(missing))), Span(missing, "warning")]


def people(look: TenantsLook, width: int) -> Line:
    """Everybody's operators, and the schemas without chats."""
    seen = [one.queue for one in look.tenants if one.queue is not None]
    told = f" {sum(one.free for one in seen)} free  {sum(one.busy for one in seen)} busy  {sum(one.away for one in seen)} away"
    told += f"   {formatting.plural(len(look.without), 'schema')} without chats" if look.without else ""
    return cut(told, width)
