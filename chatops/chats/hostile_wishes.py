"""What everybody wants to do in a hostile load: from the seed alone, before anything is asked of the database."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterator
from dataclasses import astuple
from datetime import timedelta
from typing import Literal

from chatops.frozen import frozen

IDLE = timedelta(seconds=0.7)
"""How long an operator may be silent: short, so that many chats are lost to the cron while their operators still type."""

Role = Literal["operator", "user", "cron", "admin", "fault"]


@frozen
class Load:
    """Who takes part. `tabs` are second sessions of the first operators, who so click twice; `admin` is what an admin orders,
    with its share; `faults` ends sessions of the others at random.
    """

    operators: int = 12
    users: int = 4
    chats: int = 40
    seed: int = 1
    crons: int = 2
    admin: tuple[tuple[str, float], ...] = (("reassign", 0.70), ("unassign", 0.25), ("close", 0.05))
    faults: bool = False

    @property
    def tabs(self) -> int:
        """How many operators work in two tabs: a third."""
        return (self.operators + 2) // 3

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Everybody who writes."""
        return (
            *(Session("operator", number, number) for number in range(self.operators)),
            *(Session("operator", self.operators + number, number) for number in range(self.tabs)),
            *(Session("user", number) for number in range(self.users)),
            *(Session("cron", number) for number in range(self.crons)),
            Session("admin", 0),
            *((Session("fault", 0),) if self.faults else ()),
        )


@frozen
class Session:
    """One client; `person` is the number of the operator who sits there."""

    role: Role
    number: int
    person: int = 0


# ---- what they want to do: from the seed alone -------------------------------------------------------------------------------


@frozen
class Turn:
    """An operator asks for a chat and, if there is one, works on it.

    `clock_error` is by how many seconds the client's clock is wrong in the heartbeat (None: no heartbeat), `thinks` the seconds
    before the reply, `pauses` those after each of its statements; without `answers` the operator vanishes.
    """

    clock_error: float | None
    thinks: float
    answers: bool
    pauses: tuple[float, ...]


@frozen
class Burst:
    """A user writes some messages in a row into the chat of that number."""

    chat: int
    messages: int
    pause: float


@frozen
class Sweep:
    """The idle cron goes over the held chats."""

    pause: float


@frozen
class Order:
    """An admin moves or closes a chat: `what` is reassign, unassign or close."""

    what: str
    chat: int
    operator: int
    pause: float


@frozen
class Strike:
    """One session of the others is ended; `share` (0 to 1) says which."""

    share: float
    pause: float


Intent = Turn | Burst | Sweep | Order | Strike


def intents(load: Load, session: Session) -> Iterator[Intent]:
    """What a session wants to do, one after the other and for ever."""
    chance = random.Random(f"{load.seed} {session.role} {session.number}")
    while True:
        match session.role:
            case "operator":
                yield _turn(chance)
            case "user":
                yield Burst(chance.randrange(load.chats), chance.choice([1, 1, 2, 4]), chance.choice([0.0, 0.005]))
            case "cron":
                yield Sweep(0.05)
            case "admin":
                names, shares = zip(*load.admin, strict=True)
                what = chance.choices(names, shares)[0]
                yield Order(what, chance.randrange(load.chats), chance.randrange(load.operators), 0.02)
            case "fault":
                yield Strike(chance.random(), chance.uniform(0.1, 0.6))


def _turn(chance: random.Random) -> Turn:
    clock_error = chance.choice([0.0, 0.0, -3600.0, 3600.0]) if chance.random() < 0.5 else None
    silent = IDLE.total_seconds()
    manner = chance.random()
    if manner < 0.03:
        thinks = silent * 1.5  # and never answers
    elif manner < 0.10:
        thinks = silent * 1.5
    elif manner < 0.12:
        thinks = silent * 4
    else:
        thinks = chance.choice([0.0, 0.002, 0.02])
    pauses = [chance.choice([0.001, 0.01]) if chance.random() < 0.3 else 0.0 for _ in range(8)]
    if chance.random() < 0.02:
        pauses[0] = silent * 4  # the request stalls between its look at the chat and the reply
    return Turn(clock_error, thinks, manner >= 0.03, tuple(pauses))


def schedule(load: Load, length: int) -> dict[Session, tuple[Intent, ...]]:
    """The first intents of every session."""
    return {session: tuple(itertools.islice(intents(load, session), length)) for session in load.sessions}


def schedule_digest(load: Load) -> str:
    """Twelve characters that stand for the schedule: runs with the same ones wanted the same.

    >>> len({schedule_digest(Load(seed=1)), schedule_digest(Load(seed=1)), schedule_digest(Load(seed=2))})
    2
    """
    told = [[astuple(session), [astuple(one) for one in wanted]] for session, wanted in schedule(load, 100).items()]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:12]
