"""The judge: it sees the gateway's records, the ledger's commits and the wire, and knows the promise.

Nothing of the order path is used to judge the order path. Every record and every commit is checked when it
happens; what only an end can show is in `hydra.simulation.verdict`. docs/simulation.md names the letters.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hydra.simgateway.contracts import contract_for
from hydra.simgateway.records import Executed, ExecutionRevised, OrderAccepted, OrderModified, Record
from hydra.simulation.disk import Row, Transaction
from hydra.simulation.facts import ENDS, LIVE, OWN, GatewayFacts, LedgerFacts, ParentFacts, root_of
from hydra.simulation.scenario import Scenario

_EPSILON_S: Final = 1e-6
# The clock of a machine that trades may be off by this much from the gateway's.
CLOCK_SKEW: Final = timedelta(seconds=2.5)


@dataclass(frozen=True, slots=True)
class Violation:
    """A law found broken, in virtual seconds since the world began."""

    law: str
    at_s: float
    detail: str

    def __str__(self) -> str:
        return f"law ({self.law}) broken at {self.at_s:.3f} s: {self.detail}"


@dataclass(slots=True)
class Oracle:
    """Both sides' facts so far, and every breach found."""

    scenario: Scenario
    now_s: Callable[[], float]
    gateway: GatewayFacts = field(default_factory=GatewayFacts)
    ledger: LedgerFacts = field(default_factory=LedgerFacts)
    violations: list[Violation] = field(default_factory=list)
    lost_rows: list[Row] = field(default_factory=list)
    promised: set[str] = field(default_factory=set)
    approved: dict[str, int] = field(default_factory=dict)
    overfilled: dict[str, float] = field(default_factory=dict)
    _epochs: dict[int, tuple[int, int]] = field(default_factory=dict)
    _written_s: dict[str, float] = field(default_factory=dict)

    def breach(self, law: str, detail: str) -> None:
        self.violations.append(Violation(law, round(self.now_s(), 6), detail))

    # --- the gateway's journal ---

    def on_record(self, record: Record) -> None:
        """(a), (b), (h) and half of (d), at each record the gateway writes."""
        self.gateway.apply(record, self.now_s())
        if isinstance(record, OrderAccepted) and record.order_ref.startswith(OWN):
            self._accepted(record)
        elif isinstance(record, OrderModified) and record.order_ref.startswith(OWN):
            self.breach("b", f"a second placeOrder frame modified {record.order_ref}")
        elif isinstance(record, Executed):
            self._check_quantity(self.gateway.orders[record.perm_id].accepted.order_ref)
        elif isinstance(record, ExecutionRevised):
            self._check_quantity(self.gateway.deals[root_of(record.exec_id)[0]].order_ref)

    def _accepted(self, record: OrderAccepted) -> None:
        ref = record.order_ref
        child = self.ledger.children.get(ref)
        if child is None and ref not in self.promised:
            self.breach("b", f"{ref} is at the gateway without a durable ChildSending")
        elif child is not None:
            self._check_same(record, child.sending)
            if child.state not in LIVE:
                self.breach("a", f"{ref} begins to work, the ledger had ended it as {child.state}")
        if len(self.gateway.frames[ref]) > 1:
            self.breach("b", f"{len(self.gateway.frames[ref])} placeOrder frames of {ref} arrived")
        if len(self.gateway.perm_ids[ref]) > 1:
            self.breach("h", f"{ref} has the permIds {self.gateway.perm_ids[ref]}")
        if record.good_till is None or record.at >= record.good_till:
            self.breach("d", f"{ref} was accepted at {record.at}, its good_till is {record.good_till}")
        self._check_quantity(ref)

    def _check_same(self, record: OrderAccepted, sending: object) -> None:
        assert isinstance(sending, dict)
        theirs = (
            *(record.con_id, record.side, record.qty, record.limit),
            *(record.good_till, record.client_id, record.order_id),
        )
        ours = (
            *(sending["con_id"], sending["side"], sending["qty"], Decimal(sending["limit_px"])),
            *(datetime.fromisoformat(sending["good_till"]), sending["client_id"], sending["ib_order_id"]),
        )
        if theirs != ours:
            self.breach("b", f"{record.order_ref} arrived as {theirs}, promised was {ours}")
        if not sending["verdict"]:
            self.breach("b", f"{record.order_ref} has no risk verdict")

    def _check_quantity(self, order_ref: str) -> None:
        if not order_ref.startswith(OWN):
            return
        parent_id = order_ref.removeprefix(OWN).rpartition("-")[0]
        approved = self.approved.get(parent_id)  # whatever became of the ledger since
        if approved is None or parent_id in self.overfilled:
            return
        committed = self.gateway.committed_of(parent_id)
        if committed > approved:
            self.overfilled[parent_id] = self.now_s()
            if not self.breaks_settle:
                self.breach("a", f"{parent_id}: {committed} lots filled or working, {approved} wanted")

    @property
    def breaks_settle(self) -> bool:
        """Whether this world breaks the bound on late reports on purpose."""
        return any(fault.kind == "late_beyond_settle" for fault in self.scenario.faults)

    # --- the ledger's commits ---

    def on_commit(self, done: Transaction) -> None:
        """(c), (d) and (e), at each transaction of the ledger."""
        now_s = self.now_s()
        for client_id, epoch in done.leases:
            self._epochs[client_id] = (epoch, done.process.pid)
        for row in done.rows:
            if row.kind == "ChildSending":
                self._check_sending(row, done.process.pid)
            self.ledger.apply(row, now_s, done.process.pid)
            if row.kind == "ChildSending":
                self.promised.add(row.payload["order_ref"])
                self._check_limits(row)
            elif row.kind in ("ChildFilled", "ForeignExecutionBooked"):
                self._check_deal(row)
            elif row.kind in ENDS:
                self._check_end(row)
            elif row.kind == "ParentOpened":
                self.approved[row.stream] = int(row.payload["order_qty"])
                self._check_opened(row)

    def _check_sending(self, row: Row, pid: int) -> None:
        """(d), as things stood the moment before this promise."""
        said, ref = row.payload, row.payload["order_ref"]
        if ref in self.promised:
            self.breach("b", f"{ref} is promised a second time")
        if self.lost_rows and any(lost.kind == "ChildSending" for lost in self.lost_rows):
            self.breach("d", f"{ref} is promised by a ledger that has lost promises")
        epoch = self._epochs.get(said["client_id"])
        if epoch != (said["lease_epoch"], pid):
            self.breach("d", f"{ref}: lease epoch {said['lease_epoch']} of process {pid}, current is {epoch}")
        parent = self.ledger.parents[row.stream]
        state = self.ledger.state_of(parent.plan["symbol"])
        open_breakers = [name for name, at in self.ledger.breakers.items() if at != "ACTIVE"]
        if state == "HALTED":
            self.breach("d", f"{ref} is promised while {parent.plan['symbol']} is halted")
        elif (state == "REDUCING" or open_breakers) and not self._only_reduces(row):
            self.breach("d", f"{ref} increases while {state}, breakers {open_breakers}")
        self._check_doubt(row, parent)
        deadline_at = parent.opened["deadline_at"] if parent.opened else ""
        if not deadline_at or datetime.fromisoformat(said["good_till"]) > datetime.fromisoformat(deadline_at):
            self.breach("d", f"{ref} lives until {said['good_till']}, its parent until {deadline_at}")
        window = self.scenario.maintenance_at
        if window is not None:
            good_till = datetime.fromisoformat(said["good_till"])
            latest = window - timedelta(seconds=self.scenario.policy.settle_wall_s)
            if self._now < window + timedelta(minutes=1) and good_till > latest:
                self.breach("d", f"{ref} lives until {good_till}, the maintenance window begins at {window}")

    def _check_doubt(self, row: Row, parent: ParentFacts) -> None:
        """(e): an instrument in doubt takes no order that may increase."""
        settle = timedelta(seconds=self.scenario.policy.settle_wall_s) + CLOCK_SKEW
        symbol = parent.plan["symbol"]
        doubtful = [
            child.order_ref
            for child in self.ledger.children.values()
            if child.state in LIVE
            and child.sending["con_id"] == row.payload["con_id"]
            and self._now > datetime.fromisoformat(child.sending["good_till"]) + settle
        ]
        doubtful += [
            name
            for name, one in self.ledger.parents.items()
            if one.status == "IN_DOUBT" and one.plan["symbol"] == symbol
        ]
        if doubtful and not self._only_reduces(row):
            self.breach("e", f"{row.payload['order_ref']} increases while {doubtful} are in doubt")

    def _check_end(self, row: Row) -> None:
        """(a), law 3: what the ledger ends no longer works, none lapses before its time."""
        ref = row.payload["order_ref"]
        if row.kind == "ChildResolved":
            return
        for perm_id in self.gateway.perm_ids.get(ref, ()):
            if self.gateway.orders[perm_id].is_working:
                self.breach("a", f"{row.kind} of {ref}, which works at the gateway as permId {perm_id}")
        if row.kind == "ChildLapsed":
            settle = timedelta(seconds=self.scenario.policy.settle_wall_s)
            good_till = datetime.fromisoformat(self.ledger.children[ref].sending["good_till"])
            if self._now + CLOCK_SKEW <= good_till + settle:
                self.breach("c", f"{ref} is called lapsed before its good_till {good_till} and settle")

    def _check_opened(self, row: Row) -> None:
        """(e): a limit in dollars means something only if a point is worth what the exchange says."""
        said = row.payload
        month = f"{said['con_id'] % 1_000_000}"
        symbol = self.ledger.parents[row.stream].plan["symbol"]
        true_usd = contract_for(symbol, month).usd_per_point
        if Decimal(said["usd_per_point"]) != true_usd:
            self.breach("e", f"{row.stream}: a point is {true_usd} USD, not {said['usd_per_point']}")

    @property
    def _now(self) -> datetime:
        return self.scenario.start + timedelta(seconds=self.now_s())

    def _only_reduces(self, row: Row) -> bool:
        low, high = self.ledger.exposure(row.payload["con_id"])
        qty = int(row.payload["qty"])
        return qty <= low if row.payload["side"] == "SELL" else qty <= -high

    def _check_limits(self, row: Row) -> None:
        """(e): both ends of the exposure interval with this child in it."""
        said, parent = row.payload, self.ledger.parents[row.stream]
        limits = self.scenario.limits.instruments[parent.plan["symbol"]]
        low, high = self.ledger.exposure(said["con_id"])
        worst = max(abs(low), abs(high))
        if worst > limits.position_lots:
            self.breach(
                "e", f"{said['order_ref']}: position between {low} and {high}, limit {limits.position_lots}"
            )
        if int(said["qty"]) > limits.order_lots:
            self.breach("e", f"{said['order_ref']}: {said['qty']} lots, limit {limits.order_lots}")
        opened = parent.opened
        assert opened is not None
        value = int(said["qty"]) * abs(Decimal(said["limit_px"])) * Decimal(opened["usd_per_point"])
        if value > limits.order_value_usd:
            self.breach("e", f"{said['order_ref']}: {value} USD, limit {limits.order_value_usd}")
        live = [
            child
            for child in self.ledger.children.values()
            if child.order_ref.startswith(f"{OWN}{row.stream}-C") and child.state in LIVE
        ]
        gross = sum(
            child.gross
            for child in self.ledger.children.values()
            if child.order_ref.startswith(f"{OWN}{row.stream}-C")
        )
        wanted = gross + sum(child.reserved for child in live)
        if wanted > parent.order_qty and not self.breaks_settle:
            self.breach("a", f"{row.stream}: {wanted} lots done or reserved, {parent.order_qty} approved")

    def _check_deal(self, row: Row) -> None:
        """(c): what is booked was executed, just so, and is booked once."""
        root, revision = row.payload["exec_root"], int(row.payload["revision"])
        if self.ledger.written[root, revision] > 1:
            self.breach(
                "c",
                f"execution {row.payload['exec_id']} is booked {self.ledger.written[root, revision]} times",
            )
        theirs, ours = self.gateway.deals.get(root), self.ledger.deals[root]
        if theirs is None:
            self.breach("c", f"execution {row.payload['exec_id']} is booked and never took place")
        elif theirs.revision == ours.revision and theirs.told != ours.told:
            self.breach(
                "c", f"execution {row.payload['exec_id']} is booked as {ours.told}, was {theirs.told}"
            )

    # --- the wire ---

    def on_order_written(self, client_id: int, order_id: int) -> None:
        """(d): a placeOrder frame is about to leave its process."""
        child = next(
            (
                one
                for one in self.ledger.children.values()
                if (one.sending["client_id"], one.sending["ib_order_id"]) == (client_id, order_id)
            ),
            None,
        )
        if child is None:
            self.breach("b", f"placeOrder {order_id} of client {client_id} is written without a promise")
            return
        if child.order_ref in self._written_s:
            self.breach("b", f"{child.order_ref} is written a second time")
        self._written_s[child.order_ref] = self.now_s()
        gap_s = self.now_s() - child.sent_s
        window_s = self.scenario.policy.send_window_wall_s
        if gap_s > window_s + _EPSILON_S:
            self.breach(
                "d", f"{child.order_ref} is written {gap_s:.3f} s after its commit, limit {window_s:g} s"
            )
