"""Which setting won, and why."""

from __future__ import annotations

from chatops import settings
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.screens import config as screen


def show(invocation: Invocation) -> None:
    """Shows each setting and where it came from; connects to nothing."""
    targets = settings.resolve_all(invocation.options, configuration=invocation.configuration)
    for target in targets:
        for warning in target.warnings:
            invocation.warn(warning)
    show_paged(invocation, screen.answer(invocation.configuration.path, targets))
