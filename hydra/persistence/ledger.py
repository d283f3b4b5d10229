"""The ledger: one connection, one thread, every decision in the transaction that writes it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from hydra.domain.errors import Unavailable, UserError
from hydra.domain.events import (
    ChildSending,
    PaperSessionCounted,
    ParentEvent,
)
from hydra.domain.evidence import ExecutionReport
from hydra.domain.exposure import Exposure
from hydra.domain.parent import ParentOrder
from hydra.domain.quantity import Side
from hydra.persistence.account import AccountBooks, stream_of
from hydra.persistence.anchor import HeadsFile
from hydra.persistence.books import Books
from hydra.persistence.chain import EventRow, Head, rows_after
from hydra.persistence.champions import CHAMPION, Champions
from hydra.persistence.codec import Event, instant_of, instant_text
from hydra.persistence.control import ControlReader
from hydra.persistence.database import Database, Failure, TransactionFailed
from hydra.persistence.fit import broken, require_owner, the_sending
from hydra.persistence.leases import LeaseBook
from hydra.persistence.outbox import SqlOutbox
from hydra.persistence.streams import Stream, Streams
from hydra.ports import Conflict, InDoubtCommit, Lease, RecordedSending
from hydra.risk.view import AccountEvent, ControlState, Denied

_RECORD_ATTEMPTS: Final = 5
_UNFINISHED: Final = "SELECT parent_id FROM parents WHERE unfinished = 1 ORDER BY parent_id"
_SESSION: Final = "SELECT parent_id FROM parents WHERE session_on = ? ORDER BY parent_id"
_EXECUTIONS: Final = (
    "SELECT exec_root, exec_id, client_id, ib_order_id, perm_id, order_ref, con_id, symbol, side, qty, px,"
    " executed_at FROM executions WHERE executed_at >= ?"
)
_SYMBOLS: Final = "SELECT con_id, symbol FROM positions"
_BY_REF: Final = "SELECT 1 FROM sendings WHERE order_ref = ?"
_LARGEST: Final = "SELECT MAX(ib_order_id) FROM sendings WHERE client_id = ?"
_BY_ORDER: Final = "SELECT parent_id FROM sendings WHERE client_id = ? AND ib_order_id = ?"


class _Lost(Exception):
    """Raised inside a transaction to leave it with nothing written."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(conflict.reason)
        self.conflict = conflict


class SqlLedger:
    """`hydra.ports.Ledger` over SQL; belongs to the thread that opened it.

    Errors: `Unavailable` HY-406 when storage fails with nothing written, HY-407 when COMMIT itself failed;
    `BrokenLaw` when an event does not fit the state machines or a stream does not fit its hash chain.
    """

    def __init__(
        self,
        database: Database,
        where: str,
        *,
        now: Callable[[], datetime],
        wall_s: Callable[[], float],
        control: ControlReader,
        leases: LeaseBook,
        heads: HeadsFile | None,
        reserve: Callable[[], None] | None = None,
    ) -> None:
        self.database = database
        self.where = database.where = where
        self.heads = heads
        self._now = now
        self._wall_s = wall_s
        self._control = control
        self._leases = leases
        self._reserve = reserve
        self._streams = Streams(database, where)
        self._books = Books(database)
        self._account = AccountBooks(database, self._books)
        self.outbox = SqlOutbox(database, now)
        self.champions = Champions(database)

    def use_settle(self, settle: timedelta) -> None:
        """Market time after good_till from which a live child counts as doubt."""
        self._control.use_settle(settle)

    def close(self) -> None:
        """Lets go of the file and of the OS locks of all leases held."""
        self._leases.close()
        if self.heads is not None:
            self.heads.close()
        self.database.close()

    # --- streams of parents ---

    def load(self, parent_id: str) -> ParentOrder | None:
        return self._streams.current(parent_id).parent

    def unfinished(self) -> Sequence[ParentOrder]:
        """Parents that may still send, or whose children are not all proven ended."""
        return self._parents(self.database.rows(_UNFINISHED))

    def session(self, session_on: date) -> Sequence[ParentOrder]:
        return self._parents(self.database.rows(_SESSION, (session_on.isoformat(),)))

    def append(self, parent_id: str, after_seq: int, events: Sequence[ParentEvent]) -> ParentOrder | Conflict:
        """The parent with these facts at its end, or Conflict when another writer came first."""
        if any(isinstance(event, ChildSending) for event in events):
            raise broken(f"{parent_id}: ChildSending outside of commit_sending")
        require_owner(parent_id, events)
        try:
            with self.database.transaction():
                before = self._at(parent_id, after_seq)
                after, rows = self._write_parent(parent_id, before, events)
        except _Lost as lost:
            return lost.conflict
        except TransactionFailed as failed:
            self._streams.forget(parent_id)
            if failed.failure in (Failure.BUSY, Failure.TAKEN, Failure.STALE):
                return Conflict(f"nothing written: {failed.reason}")
            raise self._unavailable(failed) from failed
        self._committed(parent_id, after, rows)
        assert after.parent is not None
        return after.parent

    def commit_sending(
        self,
        lease: Lease,
        after_seq: int,
        events: Sequence[ParentEvent],
        check: Callable[[ControlState], Denied | None],
    ) -> RecordedSending | Conflict | InDoubtCommit:
        """Law 1: lease, head, control state, verdict and promise in one transaction, with one winner."""
        sending = the_sending(lease, events)
        parent_id = sending.parent
        require_owner(parent_id, events)
        try:
            with self.database.transaction():
                problem = self._leases.problem(lease)
                if problem is not None:
                    raise _Lost(Conflict(problem))
                before = self._at(parent_id, after_seq)
                self._require_permission(before, sending, check)
                after, rows = self._write_parent(parent_id, before, events)
                # Before COMMIT, not after: a process that is stopped inside it must see how long that was.
                recorded = RecordedSending(sending, self._wall_s())
        except _Lost as lost:
            return lost.conflict
        except TransactionFailed as failed:
            self._streams.forget(parent_id)
            if failed.failure is Failure.UNKNOWN:
                return InDoubtCommit(failed.reason)
            return Conflict(f"not sent: {failed.reason}")
        self._committed(parent_id, after, rows)
        return recorded

    def _require_permission(
        self,
        stream: Stream,
        sending: ChildSending,
        check: Callable[[ControlState], Denied | None],
    ) -> None:
        before = stream.parent
        if before is None or before.opened is None:
            raise _Lost(Conflict(f"{sending.parent} is not open"))
        wanted = before.gross_qty + before.reserved_qty + sending.qty
        if wanted > before.order_qty:
            reason = f"PARENT_QTY: {wanted} lots done or in doubt, {before.order_qty} approved"
            raise _Lost(Conflict(f"denied: {reason}", Denied((reason,))))
        plan = before.plan
        session_on = plan.session_on.isoformat()
        control = self._control.read(sending.con_id, plan.symbol, session_on, sending.parent)
        denied = check(control)
        if denied is not None:
            raise _Lost(Conflict("denied: " + "; ".join(denied.reasons), denied))

    def _write_parent(
        self, parent_id: str, before: Stream, events: Sequence[ParentEvent]
    ) -> tuple[Stream, list[EventRow]]:
        at = self._now().astimezone(UTC)
        rows = rows_after(before.head, parent_id, events, instant_text(at))
        numbered = [(row.seq, at, event) for row, event in zip(rows, events, strict=True)]
        after = before.after(numbered, Head(rows[-1].seq, rows[-1].hash)) if rows else before
        if after.parent is None:
            raise _Lost(Conflict(f"{parent_id} does not exist"))
        if rows:
            self._books.write_events(rows)
            self._books.write_parent(before, after, numbered)
            self.outbox.write(events, at)
        return after, rows

    def _at(self, parent_id: str, after_seq: int) -> Stream:
        head = self._streams.head(parent_id)
        if head.seq != after_seq:
            raise _Lost(Conflict(f"{parent_id} is at {head.seq}, not {after_seq}: another writer came first"))
        return self._streams.at(parent_id, head)

    def _committed(self, stream: str, after: Stream, rows: Sequence[EventRow]) -> None:
        self._streams.keep(stream, after)
        if rows and self.heads is not None:
            self.heads.add({stream: after.head}, rows[-1].recorded_at)

    def _parents(self, rows: Sequence[tuple[Any, ...]]) -> list[ParentOrder]:
        loaded = [self.load(str(parent_id)) for (parent_id,) in rows]
        return [parent for parent in loaded if parent is not None]

    # --- the account's own streams ---

    def record(self, events: Sequence[AccountEvent]) -> Sequence[AccountEvent]:
        """Facts, not decisions: a lost race is run again; an execution known already is not booked twice.

        Returns the events that were news and are written now.
        """
        for attempt in range(1, _RECORD_ATTEMPTS + 1):
            try:
                return self._record(events)
            except TransactionFailed as failed:
                if failed.failure in (Failure.FAILED, Failure.UNKNOWN) or attempt == _RECORD_ATTEMPTS:
                    raise self._unavailable(failed) from failed
        raise AssertionError("unreachable: the last attempt returns or raises")

    def change_champion(self, after: int, events: Sequence[AccountEvent]) -> Conflict | None:
        """Champion or arms and what goes with them, in one transaction, unless either moved since `after`."""
        try:
            self._record(events, after)
        except _Lost as lost:
            return lost.conflict
        except TransactionFailed as failed:
            if failed.failure in (Failure.BUSY, Failure.TAKEN, Failure.STALE):
                return Conflict(f"nothing written: {failed.reason}")
            raise self._unavailable(failed) from failed
        return None

    def _record(self, events: Sequence[AccountEvent], champion_at: int | None = None) -> list[AccountEvent]:
        at = self._now().astimezone(UTC)
        heads: dict[str, Head] = {}
        news: list[AccountEvent] = []
        with self.database.transaction():
            if champion_at is not None and self._account.head(CHAMPION).seq != champion_at:
                raise _Lost(Conflict("another change of champion came first"))
            for event in events:
                if self._account.is_known(event):
                    continue
                stream = stream_of(event)
                facts: list[Event] = [event]
                rows = rows_after(self._account.head(stream), stream, facts, instant_text(at))
                self._books.write_events(rows)
                self._books.write_head(rows[-1])
                self._account.write(event, at)
                heads[stream] = Head(rows[-1].seq, rows[-1].hash)
                news.append(event)
            self.outbox.write(news, at)
        if heads and self.heads is not None:
            self.heads.add(heads, instant_text(at))
        return news

    def control(self, con_id: int, symbol: str, parent_id: str = "") -> ControlState:
        """The control state now, counted for the latest session planned."""
        with self.database.reading():
            return self._control.read(con_id, symbol, self._control.latest_session(), parent_id)

    def paper_sessions(self) -> Sequence[PaperSessionCounted]:
        """The latest count of every session on a paper account, in order."""
        from hydra.persistence.views import paper_sessions

        return paper_sessions(self.database)

    def positions(self) -> Mapping[int, int]:
        """Lots by con_id, flat contracts left out: our executions, foreign ones and adoptions."""
        return self._control.positions()

    def symbols(self) -> Mapping[int, str]:
        """The symbol of every contract that was ever held."""
        return {int(con_id): str(symbol) for con_id, symbol in self.database.rows(_SYMBOLS)}

    def exposure(self, con_id: int) -> Exposure:
        with self.database.reading():
            return self._control.exposures().get(con_id, Exposure(0, 0))

    def known_executions(self, since: datetime) -> Mapping[str, ExecutionReport]:
        """Executions since that instant by root, each at its highest revision, ours and foreign."""
        rows = self.database.rows(_EXECUTIONS, (instant_text(since),))
        return {str(row[0]): _execution(row) for row in rows}

    def knows_order_ref(self, order_ref: str) -> bool:
        return self.database.row(_BY_REF, (order_ref,)) is not None

    def largest_ib_order_id(self, client_id: int) -> int:
        """0 when this client id never sent anything."""
        found = self.database.row(_LARGEST, (client_id,))
        return int(found[0]) if found and found[0] is not None else 0

    def parent_of_order(self, client_id: int, ib_order_id: int) -> str | None:
        found = self.database.row(_BY_ORDER, (client_id, ib_order_id))
        return None if found is None else str(found[0])

    # --- leases ---

    def acquire(self, client_id: int, holder: str, build_id: str) -> Lease | Conflict:
        """The lease to send on a client id; UserError HY-411 when this ledger has lost events."""
        self._require_newest()
        try:
            lease = self._leases.acquire(client_id, holder, build_id)
        except TransactionFailed as failed:
            if failed.failure in (Failure.BUSY, Failure.STALE):
                return Conflict(f"client id {client_id}: {failed.reason}")
            raise self._unavailable(failed) from failed
        if isinstance(lease, Lease):
            self._keep_reserve()
        return lease

    def _require_newest(self) -> None:
        """A ledger that ends before its own anchor was restored or cut: its promises and halts are lost."""
        for stream, anchored in (self.heads.newest() if self.heads is not None else {}).items():
            found = self._streams.head(stream).seq or self._account.head(stream).seq
            if found < anchored.seq:
                raise UserError("HY-411", where=self.where, stream=stream, found=found, anchored=anchored.seq)

    def renew(self, lease: Lease) -> bool:
        """False when the lease is another's by now: this process must not send any more."""
        try:
            is_ours = self._leases.renew(lease)
        except TransactionFailed as failed:
            raise self._unavailable(failed) from failed
        self._keep_reserve()
        return is_ours

    def release(self, lease: Lease) -> None:
        try:
            self._leases.release(lease)
        except TransactionFailed as failed:
            raise self._unavailable(failed) from failed

    def checkpoint(self) -> bool:
        """Empties SQLite's log file into the ledger, if this is its only connection: for quiet moments.

        False when another process has the ledger open. Needed where automatic checkpoints are off because
        of the WAL-reset bug; the last connection's end does the same.
        """
        return self.database.backend.tidy(self.database.connection.connection.dbapi_connection)

    def _keep_reserve(self) -> None:
        """What is prepared for later; a rival's transaction in the way only puts it off."""
        if self._reserve is None:
            return
        try:
            self._reserve()
        except TransactionFailed as failed:
            if failed.failure not in (Failure.BUSY, Failure.STALE):
                raise self._unavailable(failed) from failed

    def export(self) -> Iterator[Mapping[str, object]]:
        """Every event as plain values, stream by stream."""
        from hydra.persistence.views import exported

        return exported(self.database)

    def _unavailable(self, failed: TransactionFailed) -> Unavailable:
        code = "HY-407" if failed.failure is Failure.UNKNOWN else "HY-406"
        return Unavailable(code, where=self.where, problem=failed.reason)


def _execution(row: tuple[Any, ...]) -> ExecutionReport:
    _, exec_id, client_id, ib_order_id, perm_id, order_ref, con_id, symbol, side, qty, px, executed_at = row
    return ExecutionReport(
        exec_id=exec_id,
        client_id=client_id,
        ib_order_id=ib_order_id,
        perm_id=perm_id,
        order_ref=order_ref,
        con_id=con_id,
        symbol=symbol,
        side=Side(side),
        qty=qty,
        px=Decimal(px),
        executed_at=instant_of(executed_at),
        is_liquidation=False,
        received_wall_s=0.0,
    )
