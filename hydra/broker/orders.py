"""The only place that writes an order to the socket: synchronous from the first check to the write.

Between the checks and `write` nothing else can run on the loop, so what was checked still holds. What may
have left the process is reported as sent; `NotSent` is said only when surely nothing was written.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from hydra.broker import translate
from hydra.broker.connection import Connection
from hydra.broker.decoder import writes_begun
from hydra.broker.intake import Books
from hydra.domain.contract import Contract
from hydra.domain.events import ChildSending
from hydra.domain.ids import is_own_ref
from hydra.ports import Link, NotSent, RecordedSending, Sent
from hydra.risk.gate import Verdict
from hydra.usecases.latch import blocking


def place(
    books: Books,
    connection: Connection | None,
    link: Link,
    recorded: RecordedSending,
    contract: Contract,
    verdict: Verdict,
) -> Sent | NotSent:
    """Writes the recorded child's one frame, or says why surely nothing was written."""
    sending = recorded.sending
    now = books.clock.now()
    refusal = _first(_refusals(books, link, recorded, contract, verdict, now))
    if connection is None or refusal:
        return NotSent(refusal or link.reason)
    busy = _busy(connection)
    if busy:
        return NotSent(busy)
    refusal = books.last_hop.admit(sending) or ""
    if refusal:
        return NotSent(refusal)
    problem = _write(connection, sending, contract)
    if problem is None:
        return Sent(now)
    books.last_hop.not_sent(sending.order_ref)
    return NotSent(problem)


def cancel(connection: Connection | None, client_id: int, sending: ChildSending) -> bool:
    """Writes one cancel; False when it could not leave now. Only the id that sent a child can cancel it."""
    if connection is None or not connection.is_up or sending.client_id != client_id or _busy(connection):
        return False
    return _cancelled(connection, lambda: connection.client.cancelOrder(sending.ib_order_id))


def cancel_id(connection: Connection | None, ib_order_id: int) -> bool:
    """Writes one cancel by order id, of whatever order this client id has under it; no ledger is asked."""
    if connection is None or not connection.is_up or _busy(connection):
        return False
    return _cancelled(connection, lambda: connection.client.cancelOrder(ib_order_id))


def cancel_everything(connection: Connection | None) -> bool:
    """Writes reqGlobalCancel: it ends every order of every client of the gateway, and manual ones."""
    if connection is None or not connection.is_up or _busy(connection):
        return False
    return _cancelled(connection, connection.client.reqGlobalCancel)


# --- inside -------------------------------------------------------------------------------------------


def _cancelled(connection: Connection, send: Callable[[], None]) -> bool:
    begun = writes_begun(connection.ib)
    try:
        send()
    except (ConnectionError, RuntimeError, OSError) as problem:
        connection.log("hydra.cancel.failed", "warning", problem=str(problem))
    return writes_begun(connection.ib) > begun


def _refusals(
    books: Books,
    link: Link,
    recorded: RecordedSending,
    contract: Contract,
    verdict: Verdict,
    now: datetime,
) -> Iterator[str]:
    """Every reason not to send, cheapest to say first; each is empty when it does not hold."""
    options, sending = books.options, recorded.sending
    latched = blocking(options.latch_path, contract.symbol, sending.parent, options.latch_holder)
    yield f"the kill latch is set: {latched.scope}, by {latched.by}" if latched else ""
    yield "" if link.is_good else f"link not good: {link.reason}"
    yield _not_this_child(options.client_id, sending, contract)
    differences = verdict.covers(sending)
    yield f"the verdict is for another child: {'; '.join(differences)}" if differences else ""
    yield "" if verdict.is_live_at(now) else f"the verdict expired at {verdict.expires_at.isoformat()}"
    gap_s = books.clock.wall_s() - recorded.committed_wall_s
    late = not 0 <= gap_s <= options.send_window_s
    yield f"{gap_s:.3f} s since the commit, limit {options.send_window_s:g} s" if late else ""
    dying = now >= sending.good_till - options.good_till_margin
    yield f"good_till {sending.good_till.isoformat()} is over or too near" if dying else ""


def _not_this_child(client_id: int, sending: ChildSending, contract: Contract) -> str:
    """What is wrong with the child itself; the gate looked before, this is the last look."""
    if sending.client_id != client_id:
        return f"the child belongs to client {sending.client_id}, this is {client_id}"
    if sending.con_id != contract.con_id:
        return f"the child is for con_id {sending.con_id}, the contract is {contract.con_id}"
    if not is_own_ref(sending.order_ref) or sending.qty < 1 or sending.ib_order_id < 1:
        return f"malformed child {sending.order_ref!r}, qty {sending.qty}, order id {sending.ib_order_id}"
    if not sending.limit_px.is_finite():
        return f"no finite limit price: {sending.limit_px!r}"
    if sending.good_till.tzinfo is None or sending.good_till.microsecond:
        return f"good_till must be an instant in whole seconds: {sending.good_till!r}"
    if not contract.supports_good_till:
        return f"{contract.local_symbol} does not list GTD"
    return ""


def _busy(connection: Connection) -> str:
    """Why a message would not leave at once: the library's queue, its throttle, or the socket's buffer."""
    client, transport = connection.client, connection.client.conn.transport
    if transport is None or transport.is_closing() or not client.isReady():
        return "the connection is gone"
    if client._msgQ:
        return f"{len(client._msgQ)} messages wait in the client's queue"
    if connection.is_throttled:
        return f"the client's throttle of {client.MaxRequests} messages a second is reached"
    if transport.get_write_buffer_size() > 0:
        return f"{transport.get_write_buffer_size()} bytes wait in the socket's buffer"
    return ""


def _write(connection: Connection, sending: ChildSending, contract: Contract) -> str | None:
    """Writes the frame; a text only when nothing of it was written or queued."""
    client = connection.client
    begun = writes_begun(connection.ib)
    problem = "the client wrote nothing"
    try:
        order = translate.limit_order_of(sending, connection.intake.account)
        client.placeOrder(sending.ib_order_id, translate.ib_contract_of(contract), order)
    except Exception as raised:  # noqa: BLE001 - whatever it is, only the count says whether bytes may have left
        problem = f"{type(raised).__name__}: {raised}"
        connection.log("hydra.place.failed", "error", order_ref=sending.order_ref, problem=problem)
    if writes_begun(connection.ib) > begun or client._msgQ:
        return None
    return problem


def _first(refusals: Iterator[str]) -> str:
    return next((refusal for refusal in refusals if refusal), "")
