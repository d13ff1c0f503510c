"""The desk's acts: planned by the rules of the commands, compared again before they are done, carried out under the row lock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

from chatops import formatting, states
from chatops.chats import drain, reassignment, undo
from chatops.chats.carry_out import Conditions, carry_out
from chatops.chats.reassignment import MoveCommand, MovePlan, Operator
from chatops.console.source import Act, Done, Proposal, Standing
from chatops.db import Database
from chatops.errors import ChatopsError, RefusedError, UsageError
from chatops.flows import acting, console_answers
from chatops.flows.drain import Draining, DrainRequest
from chatops.flows.move_request import MoveRequest
from chatops.flows.plan_moves import planned
from chatops.flows.run import Invocation
from chatops.flows.silence import silent_before
from chatops.frozen import frozen
from chatops.model import Table, Text
from chatops.names import find_operator
from chatops.screens import drain as drain_screen
from chatops.screens import moved_chat, moves
from chatops.screens import undo as undo_screen
from chatops.screens.console import Key

WIDTH = 72
"""Of what a dialog shows."""
RELEASE, FINISH = "release", "finish"
"""Words for a drain in place of who gets the chats: back to the queue; or nobody, they are finished where they are."""


@frozen
class _Undoing:
    actions: Sequence[undo.Action]


@frozen
class Acting:
    """Plans and acts on a database of the run, on a connection that is opened for it."""

    invocation: Invocation
    production: bool
    show_names: bool

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Database]:
        database = self.invocation.connect("act")
        try:
            yield database
        finally:
            database.close()

    # ---- planning ------------------------------------------------------------------------------------------------------

    def plan(self, act: Act, keys: Sequence[Key], to: str) -> Proposal:
        """What the act would do, by the rules of the command."""
        with self._connected() as database:
            return self._planned(database, act, keys, to)

    def _planned(self, database: Database, act: Act, keys: Sequence[Key], to: str) -> Proposal:
        if act == "drain":
            return self._plan_drain(database, keys, to)
        return self._plan_undo(database, keys) if act == "undo" else self._plan_move(database, act, keys, to)

    def _plan_move(self, database: Database, act: Act, keys: Sequence[Key], to: str) -> Proposal:
        command: MoveCommand = "reassign" if act == "reassign" else "release"
        names = tuple(key[1] for key in keys)
        request = MoveRequest(command=command, names=names, to=to if act == "reassign" else None, most=len(names))
        plan, _ = planned(self.invocation, database, request)
        ids = [move.chat.chat_id for move in plan.moves]
        with database.reading():
            details = reassignment.details(database, ids)
        problem = None
        if plan.refused:
            several = f"{len(plan.refused)} of {len(plan.moves)} chats cannot be moved, see above"
            problem = several if len(plan.moves) > 1 else plan.refused[0].problem
        elif not plan.wanted:
            problem = "it is so already: nothing to do"
        stood = {str(move.chat.chat_id): self._chat(move.chat, plan.operators, details) for move in plan.moves}
        body = moves.preview(plan, details, self.invocation.now, show_names=self.show_names)
        return self._proposal(act, keys, to, body, request.again(), plan, stood, problem)

    def _plan_drain(self, database: Database, keys: Sequence[Key], to: str) -> Proposal:
        release, finish = to == RELEASE, to == FINISH
        names = tuple(key[1] for key in keys)
        request = DrainRequest(names=names, to="auto" if release or finish else to, release=release, finish=finish)
        work = Draining(database, request, uuid4())
        with acting.planning(self.invocation, database):
            work.operators = [find_operator(database, name).id for name in request.names]
            work.target = None if request.to == "auto" else find_operator(database, request.to).id
        if work.target in work.operators:
            raise RefusedError("an operator's chats cannot be moved to themselves; nothing was changed")
        with self.invocation.seeing():
            plans = {one: work.plans(one) for one in work.operators}
        held = [move.chat for both in plans.values() for plan in both for move in plan.moves]
        with database.reading():
            details = reassignment.details(database, [chat.chat_id for chat in held])
        stood = {str(chat.chat_id): self._chat(chat, work.everybody, details) for chat in held}
        body: list[Table | Text] = []
        for one in work.operators:
            who = work.everybody[one]
            stood[str(one)] = Standing(
                moved_chat.person(who.name, one, show_names=self.show_names),
                {"is": who.load if who.is_available or not who.is_active else "away", "chats held": str(who.held)},
            )
            body += drain_screen.preview(who, plans[one], self.invocation.now, finish=finish)
        away = all(not work.everybody[one].is_available and not work.everybody[one].held for one in work.operators)
        problem = "away already, and no chat is held: nothing to do" if away else None
        return self._proposal("drain", keys, to, body, request.words(), work, stood, problem)

    def _plan_undo(self, database: Database, keys: Sequence[Key]) -> Proposal:
        number = keys[0][1]
        with acting.planning(self.invocation, database):
            actions = undo.find(database, number)
            operators = reassignment.operators(database)
            chats = [one.chat_id for one in actions if one.chat_id is not None]
            standings = reassignment.standings(database, chats)
        with database.reading():
            details = reassignment.details(database, chats)
        stood = {str(chat.chat_id): self._chat(chat, operators, details) for chat in standings}
        stood[number] = Standing(f"action {number}", {"undone by": str(actions[0].undone_by or "nothing")})
        silent = silent_before(database)
        body = undo_screen.preview(actions, operators, show_names=self.show_names, now=self.invocation.now, silent_before=silent)
        return self._proposal("undo", keys, "", body, ("undo", number), _Undoing(actions), stood, actions[0].problem)

    def _proposal(
        self, act: Act, keys: Sequence[Key], to: str, body: Sequence[Table | Text], words: Sequence[str], plan: object,
        stood: Mapping[str, Standing], problem: str | None,
    ) -> Proposal:  # fmt: skip
        text = console_answers.text(act, body, self.invocation.now, WIDTH, show_names=self.show_names)
        return Proposal(act, keys, to, text.splitlines(), self.invocation.here(*words), plan, stood, problem)

    def _chat(
        self, chat: reassignment.Standing, people: Mapping[UUID, Operator], details: Mapping[UUID, reassignment.Details]
    ) -> Standing:
        known = people.get(chat.operator_id) if chat.operator_id is not None else None
        holder = moved_chat.person(known.name if known else None, chat.operator_id, show_names=self.show_names) or "nobody"
        last = details[chat.chat_id].last_message_at if chat.chat_id in details else None
        told = {"state": states.brief(chat.chat_state, "none"), "held by": holder}
        return Standing(str(chat.chat_id)[:8], told, last, (chat.epoch, chat.is_active, chat.operator_id))

    # ---- acting --------------------------------------------------------------------------------------------------------

    def carry_out(self, proposal: Proposal, reason: str) -> Done:
        """Acts, if everything still stands as proposed; the row lock decides what happens in between."""
        if self.production and not reason:
            raise RefusedError("a reason is needed on production; nothing was changed")
        if "\0" in reason:
            raise UsageError("a reason cannot hold a NUL character")
        conditions = Conditions(self.invocation.provenance, reason or None)
        with self._connected() as database, acting.refusals_logged(database, proposal.act, conditions):
            try:
                now = self._planned(database, proposal.act, proposal.keys, proposal.to)
            except UsageError:  # it is named by its id: it is gone
                return Done(None, [f"Changed since this was opened: {_named(proposal)} is gone. Nothing was done."])
            if different := differences(proposal.stood, now.stood):
                return Done(None, ["Changed since this was opened; nothing was done.", *different], now)
            if now.problem is not None and isinstance(proposal.plan, _Undoing | Draining):
                return Done(None, ["Nothing was done."], now)
            done = self._done(database, proposal, conditions)
            if done.action_id is None:
                with contextlib.suppress(ChatopsError):
                    now = self._planned(database, proposal.act, proposal.keys, proposal.to)
                return replace(done, proposal=now)
            return done

    def _done(self, database: Database, proposal: Proposal, conditions: Conditions) -> Done:
        plan = proposal.plan
        if isinstance(plan, MovePlan):
            return self._move(database, plan, conditions)
        if isinstance(plan, Draining):
            return self._drain(database, plan, conditions)
        assert isinstance(plan, _Undoing)
        results = [one for some in undo.carry_out(database, plan.actions, conditions, busy=False) for one in some]
        done = next((one for one in results if one.outcome == "done"), None)
        if done is None or done.action_id is None:
            return Done(None, [f"Nothing was done: {results[0].detail if results else 'it could not be tried'}."])
        return Done(done.action_id, [self._told(f"Undone, action {done.action_id}.", str(done.action_id))])

    def _move(self, database: Database, plan: MovePlan, conditions: Conditions) -> Done:
        # Who was shown to get a chat gets it: planned anew, `auto` might choose others.
        results = [one for some in carry_out([database], plan, conditions) for one in some]
        done = [one for one in results if one.outcome == "done"]
        rest = next((one.detail for one in results if one.outcome != "done"), None)
        if not done:
            return Done(None, [f"Nothing was done: {rest or 'it could not be tried'}."])
        number = done[0].action_id
        if len(plan.moves) == 1:
            return Done(number, [self._told(f"Done, action {number}.", str(number))])
        count = f"{len(done)} of {formatting.plural(len(plan.moves), 'chat')} {moves.DONE[plan.command]}."
        why = f" The rest: {rest}." if len(done) < len(plan.wanted) else ""
        return Done(number, [self._told(count + why, str(plan.plan_id))])

    def _drain(self, database: Database, work: Draining, conditions: Conditions) -> Done:
        drained = []
        work.database = database  # the one it was planned on is closed
        for one in work.operators:
            label = moved_chat.person(work.everybody[one].name, one, show_names=self.show_names)
            action = drain.stop_new_chats(database, one, work.plan_id, conditions)
            rows = [] if work.request.finish else work.emptied(one, conditions, show_names=self.show_names)[0]
            held = work.everybody[one].held if work.request.finish else None
            drained.append(drain_screen.Drained(one, label, work.plan_id, action, rows, held))
        told = [one.told(rehearsal=False) for one in drained]
        return Done(drained[0].action_id, [*told, self._told("", str(work.plan_id))])

    def _told(self, what: str, undone_by: str) -> str:
        return f"{what} Undo: {self.invocation.here('undo', undone_by)}".strip()


def differences(before: Mapping[str, Standing], now: Mapping[str, Standing]) -> list[str]:
    """What is not as it was when the plan was shown, in words.

    >>> was = Standing("c4000011", {"state": "waits", "held by": "nobody"})
    >>> differences({"a": was}, {"a": Standing("c4000011", {"state": "waits", "held by": "Ada"})})
    ['held by: was nobody, is Ada']
    >>> differences({"a": was}, {})
    ['c4000011 is gone, or is no longer part of this']
    """
    told = []
    several = len(before) > 1
    for key, was in before.items():
        found = now.get(key)
        if found is None:
            told.append(f"{was.name} is gone, or is no longer part of this")
            continue
        of = f"{was.name} " if several else ""
        changed = [
            f"{of}{what}: was {said}, is {found.told.get(what)}"
            for what, said in was.told.items()
            if said != found.told.get(what)
        ]
        if was.last_message_at != found.last_message_at:
            changed.append(f"{of}a message was written since")
        if not changed and was.counter != found.counter:
            changed.append(f"{of}it was handled meanwhile")
        told += changed
    told += [f"{one.name} came to it since" for key, one in now.items() if key not in before]
    return told


def _named(proposal: Proposal) -> str:
    return ", ".join(one.name for one in proposal.stood.values())
