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
from hydra.domain.order import ChildState
from hydra.domain.parent import ParentOrder
from hydra.domain.quantity import Side
from hydra.risk.subject import is_lots

GROSS_MULTIPLE_MAX: Final = 12


@dataclass(slots=True)
class _Sent:
    """One frame written (or about to be): what it may still do and what it has done."""

    parent_id: str
    qty: int
    roots: dict[str, tuple[int, int]] = field(default_factory=dict)
    gross: int = 0
    is_dead: bool = False
    was_written: bool = True

    @property
    def charged(self) -> int:
        """Lots held against the approval: all of it until proven dead, then what was ever executed."""
        return self.gross if self.is_dead else max(self.qty, self.gross)


@dataclass(slots=True)
class _Approval:
    session_on: date
    qty: int
    side: Side | None = None


class LastHop:
    """Admits a sending only while executed + sent-and-not-proven-dead stays within what was approved.

    Held per parent and summed per session; all lots ever sent stay within approved × `gross_multiple`.
    Lots of a bust are not free again. Not thread-safe: it lives with the connection that sends.
    """

    def __init__(self, gross_multiple: int = GROSS_MULTIPLE_MAX) -> None:
        self._gross_multiple = gross_multiple
        self._approvals: dict[str, _Approval] = {}
        self._sent: dict[str, _Sent] = {}
        self._order_ids: set[tuple[int, int]] = set()

    def approve(self, parent_id: str, session_on: date, qty: int) -> None:
        """Take note of an approved parent; saying it again changes nothing, another quantity breaks a law."""
        approval = _Approval(session_on, qty)
        known = self._approvals.setdefault(parent_id, approval)
        if (known.session_on, known.qty) != (session_on, qty):
            raise BrokenLaw(
                "HY-900",
                law="of the last hop",
                detail=f"{parent_id} approved for {known.qty} lots on {known.session_on}, "
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

    def dead(self, order_ref: str) -> None:
        """The child's end is proven: what it did not execute is free again."""
        sent = self._sent.get(order_ref)
        if sent is not None:
            sent.is_dead = True

    def not_sent(self, order_ref: str) -> None:
        """The admitted child was never written, and this process knows it; its reference stays used."""
        sent = self._sent.get(order_ref)
        if sent is not None:
            sent.is_dead, sent.was_written = True, False

    def restore(self, parents: Iterable[ParentOrder]) -> None:
        """Count everything the ledger recorded as sent, whether it would be admitted today or not."""
        for parent in parents:
            if parent.opened is not None:
                self.approve(parent.parent_id, parent.plan.session_on, parent.opened.order_qty)
            for child in parent.children:
                self._count(child.sending)
                sent = self._sent[child.order_ref]
                for one in child.executions:
                    self.executed(child.order_ref, one.exec_root, one.revision, one.qty)
                sent.gross = max(sent.gross, child.gross_qty, child.resolved_qty)
                if child.state is ChildState.NOT_SENT:
                    self.not_sent(child.order_ref)
                elif child.is_terminal:
                    self.dead(child.order_ref)

    def charged(self, parent_id: str) -> int:
        """Lots executed or still able to execute for this parent."""
        return sum(one.charged for one in self._sent.values() if one.parent_id == parent_id)

    def gross_sent(self, parent_id: str) -> int:
        """Lots ever written for this parent."""
        return sum(one.qty for one in self._sent.values() if one.parent_id == parent_id and one.was_written)

    def _refusal(self, sending: ChildSending) -> str | None:
        ref, parent_id, qty = sending.order_ref, sending.parent, sending.qty
        approval = self._approvals.get(parent_id)
        if approval is None:
            return f"last hop: {ref}: parent {parent_id} was never approved"
        if ref in self._sent:
            return f"last hop: {ref} was sent before"
        if (sending.client_id, sending.ib_order_id) in self._order_ids:
            ids = f"order id {sending.ib_order_id} of client {sending.client_id}"
            return f"last hop: {ref}: {ids} was used before"
        if not is_lots(qty):
            return f"last hop: {ref}: {qty} lots, must be whole and above zero"
        if approval.side not in (None, sending.side):
            return f"last hop: {ref}: {sending.side}, but {parent_id} is a {approval.side}"
        return self._excess(sending, approval)

    def _excess(self, sending: ChildSending, approval: _Approval) -> str | None:
        ref, parent_id, qty = sending.order_ref, sending.parent, sending.qty
        charged = self.charged(parent_id) + qty
        if charged > approval.qty:
            return f"last hop: {ref}: {charged} lots of {parent_id} done or live, approved {approval.qty}"
        in_session = [one for one, of in self._approvals.items() if of.session_on == approval.session_on]
        charged = sum(self.charged(one) for one in in_session) + qty
        approved = sum(self._approvals[one].qty for one in in_session)
        if charged > approved:
            return f"last hop: {ref}: {charged} lots done or live in the session, approved {approved}"
        gross, most = self.gross_sent(parent_id) + qty, approval.qty * self._gross_multiple
        if gross > most:
            return f"last hop: {ref}: {gross} lots of {parent_id} sent in all, limit {most}"
        return None

    def _count(self, sending: ChildSending) -> None:
        self._sent.setdefault(sending.order_ref, _Sent(sending.parent, sending.qty))
        self._order_ids.add((sending.client_id, sending.ib_order_id))
        approval = self._approvals.get(sending.parent)
        if approval is not None and approval.side is None:
            approval.side = sending.side
