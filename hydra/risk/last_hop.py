"""The counter at the last hop: what leaves against what was approved, by its own records alone.

It belongs to the one call site that writes frames, and is rebuilt from recorded `ChildSending`s and
executions, never from the planner (Knight, 2012: the count upstream had stopped counting).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from hydra.domain.errors import BrokenLaw
from hydra.domain.events import ChildSending
from hydra.domain.order import ChildOrder, ChildState
from hydra.domain.parent import ParentOrder
from hydra.domain.quantity import Side
from hydra.risk.subject import is_lots

GROSS_MULTIPLE_MAX: Final = 12


@dataclass(slots=True)
class _Tally:
    """Lots approved, held against the approval, and ever written: of one parent, or of one session."""

    approved: int = 0
    charged: int = 0
    gross_sent: int = 0


@dataclass(slots=True)
class _Parent:
    tally: _Tally
    session: _Tally
    session_on: date
    side: Side | None = None


@dataclass(slots=True)
class _Sent:
    """One frame written (or about to be): what it may still do and what it has done."""

    qty: int
    tallies: tuple[_Tally, ...]
    roots: dict[str, tuple[int, int]] = field(default_factory=dict)
    gross: int = 0
    is_dead: bool = False
    charged: int = 0

    def settle(self) -> None:
        """Carry what this frame holds against its approval into the sums.

        All of it until proven dead, then what was ever executed.
        """
        charged = self.gross if self.is_dead else max(self.qty, self.gross)
        for tally in self.tallies:
            tally.charged += charged - self.charged
        self.charged = charged


class LastHop:
    """Admits a sending only while executed + sent-and-not-proven-dead stays within what was approved.

    Held per parent and summed per session; all lots ever sent stay within approved × `gross_multiple`.
    Lots of a bust are not free again. Not thread-safe: it lives with the connection that sends.
    """

    def __init__(self, gross_multiple: int = GROSS_MULTIPLE_MAX) -> None:
        self._gross_multiple = gross_multiple
        self._parents: dict[str, _Parent] = {}
        self._sessions: dict[date, _Tally] = {}
        self._sent: dict[str, _Sent] = {}
        self._order_ids: set[tuple[int, int]] = set()

    def approve(self, parent_id: str, session_on: date, qty: int) -> None:
        """Take note of an approved parent; saying it again changes nothing, another quantity breaks a law."""
        known = self._parents.get(parent_id)
        if known is None:
            session = self._sessions.setdefault(session_on, _Tally())
            session.approved += qty
            self._parents[parent_id] = _Parent(_Tally(approved=qty), session, session_on)
        elif (known.tally.approved, known.session_on) != (qty, session_on):
            raise BrokenLaw(
                "HY-900",
                law="of the last hop",
                detail=f"{parent_id} approved for {known.tally.approved} lots on {known.session_on}, "
                f"now {qty} on {session_on}",
            )

    def admit(self, sending: ChildSending) -> str | None:
        """Why this sending must not be written; None = it may, and counts as sent from now on."""
        refused = self._refusal(sending)
        if refused is None:
            self._count(sending)
        return refused

    def executed(self, order_ref: str, exec_root: str, revision: int, qty: int) -> None:
        """Book an execution by its root; a higher revision replaces. Orders we never sent are ignored."""
        sent = self._sent.get(order_ref)
        if sent is None:
            return
        known_revision, _ = sent.roots.get(exec_root, (-1, 0))
        if revision > known_revision:
            sent.roots[exec_root] = (revision, qty)
            sent.gross = max(sent.gross, sum(lots for _, lots in sent.roots.values()))
            sent.settle()

    def dead(self, order_ref: str) -> None:
        """The child's end is proven: what it did not execute is free again."""
        sent = self._sent.get(order_ref)
        if sent is not None:
            sent.is_dead = True
            sent.settle()

    def not_sent(self, order_ref: str) -> None:
        """The admitted child was never written, and this process knows it; its reference stays used."""
        sent = self._sent.get(order_ref)
        if sent is not None and not sent.is_dead:
            for tally in sent.tallies:
                tally.gross_sent -= sent.qty
            self.dead(order_ref)

    def restore(self, parents: Iterable[ParentOrder]) -> None:
        """Count everything the ledger recorded as sent, whether it would be admitted today or not."""
        for parent in parents:
            if parent.opened is not None:
                self.approve(parent.parent_id, parent.plan.session_on, parent.opened.order_qty)
            for child in parent.children:
                self._restore_child(child)

    def charged(self, parent_id: str) -> int:
        """Lots executed or still able to execute for this parent."""
        known = self._parents.get(parent_id)
        return known.tally.charged if known else 0

    def gross_sent(self, parent_id: str) -> int:
        """Lots ever written for this parent."""
        known = self._parents.get(parent_id)
        return known.tally.gross_sent if known else 0

    def _refusal(self, sending: ChildSending) -> str | None:
        ref, qty = sending.order_ref, sending.qty
        parent = self._parents.get(sending.parent)
        if parent is None:
            return f"last hop: {ref}: parent {sending.parent} was never approved"
        if ref in self._sent:
            return f"last hop: {ref} was sent before"
        if (sending.client_id, sending.ib_order_id) in self._order_ids:
            ids = f"order id {sending.ib_order_id} of client {sending.client_id}"
            return f"last hop: {ref}: {ids} was used before"
        if not is_lots(qty):
            return f"last hop: {ref}: {qty} lots, must be whole and above zero"
        if parent.side not in (None, sending.side):
            return f"last hop: {ref}: {sending.side}, but {sending.parent} is a {parent.side}"
        return self._excess(f"last hop: {ref}", parent, qty)

    def _excess(self, who: str, parent: _Parent, qty: int) -> str | None:
        own, session = parent.tally, parent.session
        if own.charged + qty > own.approved:
            return f"{who}: {own.charged + qty} lots done or live, approved {own.approved}"
        if session.charged + qty > session.approved:
            return (
                f"{who}: {session.charged + qty} lots done or live in the session, "
                f"approved {session.approved}"
            )
        most = own.approved * self._gross_multiple
        if own.gross_sent + qty > most:
            return f"{who}: {own.gross_sent + qty} lots sent in all, limit {most}"
        return None

    def _count(self, sending: ChildSending) -> None:
        if sending.order_ref in self._sent:
            return
        parent = self._parents[sending.parent]
        sent = _Sent(sending.qty, (parent.tally, parent.session))
        for tally in sent.tallies:
            tally.gross_sent += sending.qty
        sent.settle()
        self._sent[sending.order_ref] = sent
        self._order_ids.add((sending.client_id, sending.ib_order_id))
        parent.side = parent.side or sending.side

    def _restore_child(self, child: ChildOrder) -> None:
        self._count(child.sending)
        sent = self._sent[child.order_ref]
        for one in child.executions:
            self.executed(child.order_ref, one.exec_root, one.revision, one.qty)
        sent.gross = max(sent.gross, child.gross_qty, child.resolved_qty)
        sent.settle()
        if child.state is ChildState.NOT_SENT:
            self.not_sent(child.order_ref)
        elif child.is_terminal:
            self.dead(child.order_ref)
