"""Where receipts and what a monitor remembers are kept when nobody says."""

from __future__ import annotations

import hashlib
from pathlib import Path

from chatops import settings
from chatops.flows.run import Invocation


def default_path(invocation: Invocation, kind: str) -> Path:
    """Where a receipt or a watch's state is kept when nobody says: one file for each database and schema."""
    target = invocation.target
    place = f"{target.name}-{target.parameters.get('dbname', 'database')}-{target.schema}"
    safe = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in place)
    mark = hashlib.sha256(f"{target.shown()} {target.host} {target.schema}".encode()).hexdigest()[:8]
    return settings.state_dir(invocation.environ) / f"{kind}-{safe}-{mark}.json"
