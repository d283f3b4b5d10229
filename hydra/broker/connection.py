"""One connection to the gateway: opened with its books told to the end, named when it fails, closed once."""

import asyncio
from collections.abc import Sequence

from ib_async.ib import StartupFetch, StartupFetchNONE

from hydra.broker.decoder import RawIB
from hydra.broker.intake import Books, Intake
from hydra.broker.options import BrokerOptions
from hydra.broker.requests import Requests
from hydra.domain.errors import HydraError, Unavailable, UserError

# Completed orders and account values are not asked at connect: some gateways never answer the first, and a
# connect that needs them would never succeed. The rest must arrive, or the connection is not used at all.
_MUST_ARRIVE = StartupFetch.POSITIONS | StartupFetch.ORDERS_OPEN | StartupFetch.EXECUTIONS
_CLOSE_TIMEOUT_S = 1.0
PAPER_PREFIX = "DU"


class Connection:
    """A synchronised connection; a new one is made for every attempt, none is ever used again."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.log = books.log
        self.requests = Requests(self._pace)
        self.intake = Intake(books, self.requests)
        self.ib = RawIB(self.intake)
        self.client = self.ib.client

    @property
    def is_up(self) -> bool:
        return not self.intake.over.is_set() and bool(self.client.isReady())

    @property
    def is_throttled(self) -> bool:
        """Whether the client would queue one more message instead of writing it."""
        limit = self.client.MaxRequests
        return limit > 0 and self._sent_last_second() >= limit

    async def open(self) -> None:
        """Connects and reads the books; HY-3xx says what failed. Cancelling it leaves no socket behind."""
        options = self._books.options
        connecting = asyncio.ensure_future(
            self.ib.connectAsync(
                options.host,
                options.port,
                options.client_id,
                timeout=options.connect_timeout_s,
                account=options.account or "",
                raiseSyncErrors=True,
                fetchFields=_MUST_ARRIVE if options.reads_books_first else StartupFetchNONE,
            )
        )
        over = asyncio.ensure_future(self.intake.over.wait())
        try:
            await asyncio.wait({connecting, over}, return_when=asyncio.FIRST_COMPLETED)
            problem = connecting.exception() if connecting.done() else ConnectionError(self.intake.loss)
            if problem is None and not self.is_up:
                problem = ConnectionError(self.intake.loss)
            if problem is not None:
                raise name_failure(self._books.options, self.intake, problem)
            self.intake.account = self._account()
        except BaseException:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            await self.close("the connect failed")
            raise
        finally:
            over.cancel()

    async def close(self, reason: str) -> None:
        """Ends everything in flight and waits until the socket is gone, so that the id is free again."""
        self.intake.detach(reason)
        transport = self.client.conn.transport
        self.client.reset()
        if transport is None:
            return
        transport.abort()
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                while self.client.conn.transport is not None:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            self.log("hydra.socket.lingered", "warning", reason=reason)

    # --- inside ---

    async def _pace(self) -> None:
        """Waits until a data request leaves room for orders under the client's own throttle."""
        limit = self._books.options.data_requests_per_s
        while self._sent_last_second() >= limit:
            oldest_s = self.client._timeQ[-limit]
            wait_s = oldest_s + self.client.RequestsInterval - asyncio.get_running_loop().time()
            await asyncio.sleep(max(wait_s, 0.0) + 0.001)

    def _sent_last_second(self) -> int:
        since_s = asyncio.get_running_loop().time() - self.client.RequestsInterval
        return sum(1 for sent_s in self.client._timeQ if sent_s >= since_s)

    def _account(self) -> str:
        return account_of(self._books.options, list(self.client.getAccounts()))


def account_of(options: BrokerOptions, served: Sequence[str]) -> str:
    """The account to trade, proved by its prefix; UserError when it is not the mode's."""
    where = {"host": options.host, "port": options.port}
    known = ", ".join(served)
    if options.account is not None and options.account not in served:
        raise UserError("HY-308", **where, account=options.account, known=known)
    if options.account is None and len(served) != 1:
        raise UserError("HY-309", **where, known=known)
    account = options.account or served[0]
    if account.startswith(PAPER_PREFIX) is not (options.mode == "paper"):
        raise UserError("HY-307", **where, account=account, mode=options.mode)
    return account


def name_failure(options: BrokerOptions, intake: Intake, problem: BaseException) -> HydraError:
    """The coded line for a connect that came so far and no further."""
    where = {"host": options.host, "port": options.port}
    detail = intake.loss or str(problem) or type(problem).__name__
    if intake.refused_id:
        return Unavailable("HY-305", **where, client_id=options.client_id)
    if not intake.was_opened:
        if isinstance(problem, TimeoutError):
            return Unavailable("HY-302", **where, seconds=f"{options.connect_timeout_s:g}")
        return Unavailable("HY-301", **where, problem=detail)
    waited = f"silence for {options.connect_timeout_s:g} s" if isinstance(problem, TimeoutError) else detail
    if not intake.was_handshaken:
        return Unavailable("HY-303", **where, problem=waited)
    if not intake.was_started:
        return Unavailable("HY-304", **where, problem=waited)
    return Unavailable("HY-306", **where, problem=detail)
