"""The database behind the live desk: one connection that only reads; one that acts, for as long as an act takes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import UUID

from chatops import names, tables_there
from chatops.chats import desk, one_chat, one_operator, reassignment, why_waiting
from chatops.chats.carry_out import Conditions, carry_out
from chatops.chats.desk import Look
from chatops.checks import run, stored_snoozes
from chatops.checks.load import Check
from chatops.checks.results import Survey
from chatops.console.source import Act, Done, Proposal
from chatops.db import Database, pools_transactions
from chatops.errors import ChatopsError, RefusedError
from chatops.flows import acting, cannot_see
from chatops.flows.move_request import MoveRequest
from chatops.flows.plan_moves import planned
from chatops.flows.run import Invocation
from chatops.model import Answer
from chatops.render import Medium, render
from chatops.screens import explain, moves, show_chat, show_operator
from chatops.screens import why_waiting as why_screen
from chatops.screens.console import Key
from chatops.screens.lines import Reader

PATIENCE = 20.0
"""Seconds after which a look that still hangs, in a pooler or in the network, is given up."""
CHECKS = 14.0
EVENTS = 40


class DeskSource:
    """What the desk asks, answered by the run's database."""

    def __init__(self, invocation: Invocation, checks: Sequence[Check], *, show_names: bool) -> None:
        self._invocation = invocation
        self._checks = checks
        self._lock = threading.Lock()
        self._reading: Database | None = None
        self.show_names = show_names
        with self._snapshot() as database:
            invocation.banner(database)
            facts, target = database.facts, database.target
            assert facts is not None
        self.name = target.name
        self.production = target.production
        self.where = f"{target.place}/{facts.database} as {facts.role}"

    def here(self, *words: str) -> str:
        """A command line that names this database."""
        return self._invocation.here(*words)

    def stop(self) -> None:
        """Ends what is running."""
        if self._reading is not None and self._lock.locked():
            self._reading.cancel(timeout=1)

    # ---- looking -------------------------------------------------------------------------------------------------------

    def _connected(self) -> Database:
        """The connection that looks: made again when it was lost, and read-only for all its life."""
        if self._reading is None or self._reading.closed:
            if self._reading is not None:
                self._reading.close()
            made = self._invocation.connect("read")
            if not pools_transactions(made):  # behind a pooler it would stay on somebody else's session
                made.script("set session characteristics as transaction read only")
            self._reading = made
        return self._reading

    @contextlib.contextmanager
    def _snapshot(self, patience: float = PATIENCE) -> Iterator[Database]:
        """One read-only snapshot on the one connection; says in words what cannot be seen."""
        with self._lock:
            database = self._connected()
            with cannot_see.cannot_see(self._connected, self.here), database.given_up_after(patience), database.reading():
                tables_there.require_chats(database)
                yield database

    def look(self) -> Look:
        """One snapshot of the desk."""
        with self._snapshot() as database:
            return desk.read(database)

    def check(self) -> Survey:
        """The checks that are not snoozed."""
        with self._snapshot(CHECKS + run.GRACE_SECONDS) as database:
            silent = {one.code for one in stored_snoozes.read(database)}
            checks = [check for check in self._checks if check.code not in silent]
            return run.run(database, checks, whole_seconds=CHECKS)

    def about(self, key: Key, width: int) -> str:
        """A chat or an operator with its timeline; what a finding means."""
        kind, name = key
        if kind == "finding":
            check = next(one for one in self._checks if one.code == name)
            return self._text(explain.one(check, width), width)
        reader = Reader(width, short_ids=True, show_names=self.show_names, here=self.here)
        with self._snapshot() as database:
            if kind == "operator":
                known = one_operator.read(database, names.find_operator(database, name), EVENTS)
                answer = show_operator.about_operator(known, show_names=self.show_names, short=True)
            else:
                survey = run.run(database, [], whole_seconds=CHECKS, about=name)
                further = why_screen.lines(why_waiting.read(database, UUID(name)), show_names=self.show_names)
                found = one_chat.read(database, names.find_chat(database, name), events=EVENTS, show_text=False,
                                      actions=bool(survey.inventory.audit))  # fmt: skip
                answer = show_chat.about_chat(found, survey, reader, further)
        return self._text(answer, width)

    def _text(self, answer: Answer, width: int) -> str:
        medium = Medium(width=width, terminal=True, show_names=self.show_names)
        return "".join(render(answer, "table", medium)).rstrip("\n")

    # ---- acting --------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _acting(self) -> Iterator[Database]:
        database = self._invocation.connect("act")
        try:
            yield database
        finally:
            database.close()

    def plan(self, act: Act, chat_id: UUID, to: str) -> Proposal:
        """What the act would do, by the rules of the command."""
        with self._acting() as database:
            return self._planned(database, act, chat_id, to)

    def _planned(self, database: Database, act: Act, chat_id: UUID, to: str) -> Proposal:
        request = self._request(act, chat_id, to)
        plan = planned(self._invocation, database, request)
        with database.reading():
            details = reassignment.details(database, [chat_id])
        body = moves.preview(plan, details, self._invocation.now, show_names=self.show_names)
        text = self._text(Answer(act, body, now=self._invocation.now), 72)
        problem = plan.refused[0].problem if plan.refused else None if plan.wanted else "it is so already: nothing to do"
        last = details[chat_id].last_message_at if chat_id in details else None
        return Proposal(act, chat_id, to, plan, text.splitlines(), self.here(*request.again()), last, problem)

    def _request(self, act: Act, chat_id: UUID, to: str) -> MoveRequest:
        return MoveRequest(command=act, names=(str(chat_id),), to=to if act == "reassign" else None)

    def carry_out(self, proposal: Proposal, reason: str) -> Done:
        """Acts, if holder, state and last message still are as proposed; the row lock decides what happens in between."""
        if self.production and not reason:
            raise RefusedError("a reason is needed on production; nothing was changed")
        assert proposal.plan is not None
        # Who was shown to get it gets it: `auto` would choose anew.
        chosen = proposal.plan.moves[0].to
        conditions = Conditions(self._invocation.provenance, reason or None)
        with self._acting() as database, acting.refusals_logged(database, proposal.act, conditions):
            now = self._planned(database, proposal.act, proposal.chat_id, str(chosen) if chosen else proposal.to)
            now = replace(now, to=proposal.to)
            if different := self._different(proposal, now):
                return Done(None, ["Changed since this was opened; nothing was done.", *different], now)
            if now.problem is not None or now.plan is None:
                return Done(None, ["Nothing was done."], now)
            results = [one for some in carry_out([database], now.plan, conditions) for one in some]
            done = next((one for one in results if one.outcome == "done"), None)
            if done is None:
                why = results[0].detail if results else "it could not be tried"
                with contextlib.suppress(ChatopsError):
                    now = self._planned(database, proposal.act, proposal.chat_id, proposal.to)
                return Done(None, [f"Nothing was done: {why}."], now)
        undo = self.here("undo", str(done.action_id))
        return Done(done.action_id, [f"Done, action {done.action_id}. Undo: {undo}"])

    def _different(self, before: Proposal, now: Proposal) -> list[str]:
        """What is not as it was when the plan was shown."""
        assert before.plan is not None
        if now.plan is None or not now.plan.moves:
            return ["the chat is gone"]
        was, found = before.plan.moves[0].chat, now.plan.moves[0].chat
        people = {**before.plan.operators, **now.plan.operators}

        def who(operator_id: UUID | None) -> str:
            known = people.get(operator_id) if operator_id else None
            return moves.person(known.name if known else None, operator_id, show_names=self.show_names) or "nobody"

        told = []
        if was.chat_state != found.chat_state:
            told.append(f"state: was {was.chat_state or 'none'}, is {found.chat_state or 'none'}")
        if was.operator_id != found.operator_id:
            told.append(f"held by: was {who(was.operator_id)}, is {who(found.operator_id)}")
        if before.last_message_at != now.last_message_at:
            told.append("a message was written since")
        if not told and (was.epoch, was.is_active) != (found.epoch, found.is_active):
            told.append("it was handled meanwhile")
        return told
