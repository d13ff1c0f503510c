"""Ctrl-C, SIGTERM and a closed terminal: they end what runs at once, save a commit, whose end is told; nothing more is begun.

Of one process, as signals are: what it has committed since `listening` is counted here, for whoever says what is done.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

_turn = threading.Lock()
_held: list[Callable[[], object] | None] = []
_waiting = False
_committed = 0


def listening() -> list[tuple[int, object]]:
    """Takes the signals, nothing committed yet; the handlers of before, for `given_back`."""
    global _waiting, _committed
    _waiting, _committed = False, 0
    if threading.current_thread() is not threading.main_thread():
        return []
    numbers = [signal.SIGTERM, signal.SIGHUP]
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # whoever started us in the background has said so
        numbers.append(signal.SIGINT)
    return [(number, signal.signal(number, _interrupt)) for number in numbers]


def given_back(before: list[tuple[int, object]]) -> None:
    """The handlers are as they were, and nobody waits."""
    global _waiting
    _waiting = False
    for number, handler in before:
        signal.signal(number, handler)  # type: ignore[arg-type]


def _interrupt(signum: int, frame: object) -> None:
    global _waiting
    if _held and not _waiting:
        _waiting = True  # a second one does not wait
        for cancel in filter(None, _held):
            threading.Thread(target=cancel, daemon=True).start()
        return
    raise KeyboardInterrupt


@contextlib.contextmanager
def held(cancel: Callable[[], object] | None = None) -> Iterator[None]:
    """The block comes to its end, be it by what `cancel` does, so that what it has done is known; only then is stopped."""
    with _turn:
        _held.append(cancel)
    try:
        yield
    finally:
        with _turn:
            _held.remove(cancel)


@contextlib.contextmanager
def for_another_program() -> Iterator[None]:
    """Ctrl-C inside the block is meant for the program that has the terminal, such as a pager."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # A handler, for what is ignored stays so in a program that is started.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def unless_asked_to_stop() -> None:
    """Before the next piece of work begins: raises the KeyboardInterrupt that waited."""
    if _waiting:
        raise KeyboardInterrupt


def note_commit() -> None:
    """A transaction that wrote something is in."""
    global _committed
    with _turn:
        _committed += 1


def anything_committed() -> bool:
    """Whether this run has changed anything in a database."""
    return _committed > 0
