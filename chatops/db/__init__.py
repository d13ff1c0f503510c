"""The only package that talks to the driver: connections, transactions, queries, and their errors in words of our own."""

from chatops.db import driver  # noqa: F401 - before anything else of the driver's: it loads it
from chatops.db.connecting import arrived, connect, pools_transactions
from chatops.db.database import TIMEOUTS, Database
from chatops.db.facts import Facts
from chatops.db.link import Intent
from chatops.db.ran import Notice, Ran, Rows
from chatops.db.texts import Argument, Parameters, identifier, inlined, json, json_of_words, literal, placeholders

__all__ = [
    "TIMEOUTS", "Argument", "Database", "Facts", "Intent", "Notice", "Parameters", "Ran", "Rows", "arrived", "connect",
    "identifier", "inlined", "json", "json_of_words", "literal", "placeholders", "pools_transactions",
]  # fmt: skip
