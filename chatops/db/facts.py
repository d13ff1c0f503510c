"""What the server says of itself at the beginning of a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

FACTS = """select current_setting('server_version_num')::int as version_number,
       current_setting('server_version') as version, current_user::text as role, session_user::text as login,
       current_database()::text as database, statement_timestamp() as now, pg_is_in_recovery() as standby,
       pg_backend_pid() as backend_pid, to_regclass('chats') is not null as has_chats,
       exists (select from pg_attribute
               where attrelid = to_regclass('chats') and attname = 'waiting_since' and not attisdropped) as has_queue_clocks,
       -- By the catalog: to_regclass raises for a role that may not use the schema.
       coalesce(bool_or(c.relname = 'actions'), false) as has_bookkeeping,
       coalesce(bool_or(c.relname = 'migrations'), false) as has_ledger
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
 where n.nspname = 'chatops' and c.relname in ('actions', 'migrations') and c.relkind = 'r'"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server said of itself when the transaction began."""

    version_number: int
    version: str
    role: str
    login: str
    database: str
    now: datetime
    standby: bool
    backend_pid: int
    has_chats: bool
    has_queue_clocks: bool
    """chats.waiting_since exists: migration 018 is in."""
    has_bookkeeping: bool
    has_ledger: bool
