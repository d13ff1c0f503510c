"""One run of the command line: all that a command needs of it, as one object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatops.flows.questions import Questions
from chatops.later import later

if TYPE_CHECKING:
    from chatops import provenance as who
    from chatops.provenance import Provenance
else:
    who = later("chatops.provenance")


class Invocation(Questions):
    """One run: its output, its database, its questions; and who acts, for the log."""

    @property
    def provenance(self) -> Provenance:
        """Who acts, from where and with which command, for the audit."""
        found = who.provenance(self.argv, environment=self.target.name, schema=self.target.schema, environ=self.environ)
        return found.fitting(self.fits)
