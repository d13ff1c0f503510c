"""What keeps a database from being written to at all, by what the server said of itself, with the way out of each."""

from __future__ import annotations

from collections.abc import Iterator

from chatops.db.database import Database
from chatops.db.facts import Facts
from chatops.db.texts import identifier
from chatops.frozen import frozen


@frozen
class Unfit:
    """One thing that keeps files from running; `sql` is the way out, for whoever may."""

    what: str
    message: str
    label: str
    sql: str


def unfit(database: Database, facts: Facts) -> Iterator[Unfit]:
    """Everything that speaks against a database, whatever the files are."""
    if facts.schema_owner is not None:
        foreign = facts.schema_is_used and not (facts.has_ledger or facts.has_bookkeeping)
        if foreign or facts.schema_is_a_strangers:
            owner = facts.schema_owner
            holds = "holds tables that are not chatops's" if foreign else "chatops does not write into a stranger's"
            yield Unfit(
                "schema chatops",
                f"the schema chatops belongs to {owner}, and {holds}; the ledger would stand there",
                "give theirs another name (SQL)",
                f"alter schema chatops rename to {identifier(f'chatops_of_{owner}'[:63])};",
            )
    elif not facts.may_create_schemas and not facts.read_only:
        yield Unfit(
            "privileges",
            f"role {facts.role} may not create schemas in the database {facts.database}, and chatops keeps its ledger in one",
            "grant it (SQL, as the owner of the database)",
            f"grant create on database {identifier(facts.database)} to {identifier(facts.role)};",
        )
    if facts.read_only and not facts.standby:
        yield Unfit(
            "read-only",
            f"the database {facts.database} is read-only for {facts.role}: default_transaction_read_only is on",
            "make it writable (SQL)",
            f"set default_transaction_read_only = off; {reset_text(database, facts, 'default_transaction_read_only', 'off')}",
        )


def reset_text(database: Database, facts: Facts, setting: str, value: str) -> str:
    """The statement that sets something where it was set."""
    source = database.value("select source from pg_settings where name = :'name'", {"name": setting})
    role, name = identifier(facts.login), identifier(facts.database)
    return {
        "database user": f"alter role {role} in database {name} set {setting} = {value};",
        "user": f"alter role {role} set {setting} = {value};",
        "global": f"alter role all set {setting} = {value};",
        "configuration file": f"alter system set {setting} = {value}; select pg_reload_conf();",
        "client": f"-- it comes with the connection: take {setting} out of its options or PGOPTIONS",
    }.get(str(source), f"alter database {name} set {setting} = {value};")
