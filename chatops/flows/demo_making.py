"""Making a demo, or bringing one that is there up to what is asked for."""

from __future__ import annotations

from dataclasses import replace

from chatops import formatting, local
from chatops.chats import demo_facts, planting, population
from chatops.chats.demo_facts import DemoFacts
from chatops.db import Database, identifier
from chatops.errors import RefusedError
from chatops.flows.demo_healing import heal
from chatops.flows.demo_server import connected, database_name, of_the_machine
from chatops.flows.migrate_shipped import migrate_to
from chatops.flows.run import Invocation
from chatops.migrations.prepare import ProblemsError
from chatops.migrations.source import DEPLOYED

DEFAULT_SEED = 1
FRESHEN_UP_TO = 100_000
"""Chats; moving the clocks of more takes longer than anybody waits for a screen."""


def ensure(invocation: Invocation, size: int | None, seed: int | None, *, healed: bool, reset: bool) -> DemoFacts:
    """The demo as it is asked for, made where it is not there; what is known of it."""
    name = database_name()
    made: DemoFacts | None = None
    if not local.create_database(name, say=invocation.note):
        with connected(local.url(name)) as database:
            made = demo_facts.read(database)
        if made is None and not reset:
            invocation.note("the last demo was not finished; making it anew")
        if made is None or reset:
            local.drop_database(name)
            local.create_database(name)
            made = None
    database = invocation.connect("migrate")
    if made is None:
        wanted, chosen = size or population.DEFAULT_SIZE, DEFAULT_SEED if seed is None else seed
        return make(invocation, database, wanted, chosen, healed=healed)
    if (size is not None and size != made.size) or (seed is not None and seed != made.seed):
        invocation.note(f"the demo is there with {formatting.count(made.size)} chats and seed {made.seed}; --reset makes another")
    if of_the_machine():
        where = local.status().data
        invocation.note(f"it is the demo of this machine ({where}); your own: XDG_DATA_HOME=DIR before chatops")
    if healed and not made.healed:
        try:
            migrate_to(invocation, database, "latest")
            heal(invocation)
        except ProblemsError as error:  # its ledger has other files, or other texts of them
            raise RefusedError(
                "the demo was made by another version of chatops, with other migration files; nothing was changed",
                next_steps=[("make it anew", "chatops demo --reset --healed")],
            ) from error
        made = replace(made, healed=True)
        demo_facts.write(database, made)
    if made.size > FRESHEN_UP_TO:
        invocation.note("so large a demo keeps the clocks it was made with; --reset makes it anew")
    elif behind := population.refresh(database):
        later = f"its past was moved {formatting.duration(behind)} later, to end just now"
        invocation.note(f"the demo is there; {later}: chats, messages and turns. The log keeps its times")
    else:
        invocation.note("the demo is there")
    return made


def make(invocation: Invocation, database: Database, size: int, seed: int, *, healed: bool) -> DemoFacts:
    """Migrates to the deployed system, fills it, plants one trouble of each kind, and remembers how it was made."""
    if database.target.schema != "public":
        database.script(f"create schema if not exists {identifier(database.target.schema)}")
    migrate_to(invocation, database, DEPLOYED)
    invocation.note(f"filling it with {formatting.count(size)} chats")
    with invocation.under_way("filling it"):
        population.populate(database, size=size, seed=seed, say=lambda line: invocation.note(f"  {line}"))
        planted = planting.plant_all(database)
    invocation.note(f"planted {formatting.plural(len(planted), 'trouble')}, one for each finding")
    if healed:
        migrate_to(invocation, database, "latest")
        heal(invocation)
    people = population.figures(database)
    made = DemoFacts(size=size, seed=seed, healed=healed, people=people.in_words, planted=len(planted))
    demo_facts.write(database, made)
    return made
