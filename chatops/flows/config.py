"""Which setting won, and why."""

from __future__ import annotations

from chatops import settings
from chatops.flows.run import Invocation
from chatops.screens import config as screen


def show(invocation: Invocation) -> None:
    """Shows each setting and where it came from; connects to nothing."""
    configuration = settings.load()
    options = settings.Options(tuple(invocation.db), invocation.env, invocation.schema)
    targets = settings.resolve_all(options, configuration=configuration)
    for target in targets:
        for warning in target.warnings:
            invocation.warn(warning)
    invocation.show(screen.answer(configuration.path, targets))
