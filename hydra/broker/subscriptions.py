"""What shall be watched, kept apart from what is subscribed now: a new connection subscribes it all again."""

import asyncio
from collections.abc import Callable

from hydra.broker.connection import Connection
from hydra.broker.intake import Books
from hydra.broker.translate import ib_contract_of
from hydra.domain.contract import Contract
from hydra.ports import Refused, Unknown

_LIVE_OR_DELAYED = 3
_LIVE = 1
# How long a refused subscription rests: another login may have the data for a while (354, 10197).
_ASK_AGAIN_WALL_S = 60.0


class Subscriptions:
    """The watched contracts of one client, over all its connections."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._wanted: dict[int, Contract] = {}
        self._req_ids: dict[int, int] = {}
        self._asked_wall_s: dict[int, float] = {}
        self._locks: dict[int, asyncio.Lock] = {}
        self._renewing = asyncio.Lock()

    def want(self, contract: Contract) -> None:
        self._wanted[contract.con_id] = contract

    async def watch(
        self, connection: Connection, contract: Contract, next_id: Callable[[], int]
    ) -> Refused | Unknown | None:
        """Subscribes once and waits for the first tick, or for the refusal; None once a quote is there."""
        self.want(contract)
        con_id, quotes = contract.con_id, self._books.quotes
        async with self._locks.setdefault(con_id, asyncio.Lock()):
            if quotes.has_line(self._req_ids.get(con_id, 0)):
                return None if quotes.quote(con_id) else Unknown(f"{contract.local_symbol}: no tick yet")
            try:
                req_id = self._claim(connection, contract, next_id)
            except ConnectionError as problem:
                return Unknown(str(problem))
            answer = await connection.requests.ask(
                req_id,
                lambda: self._subscribe(connection, contract, req_id),
                self._books.options.request_timeout_s,
            )
        if isinstance(answer, Unknown) and connection.is_up:
            return Unknown(f"{contract.local_symbol}: no tick yet")
        return None if isinstance(answer, list) else answer

    async def renew(self, connection: Connection, next_id: Callable[[], int]) -> None:
        """Subscribes everything again: the connection is new, or IB lost its subscriptions (1101)."""
        async with self._renewing:
            self._req_ids.clear()
            self._books.quotes.close_lines()
            for contract in tuple(self._wanted.values()):
                await connection.requests.pace()
                self._subscribe(connection, contract, self._claim(connection, contract, next_id))

    async def ask_again(self, connection: Connection, next_id: Callable[[], int]) -> None:
        """Subscribes what was refused a while ago: without quotes a session sends nothing to its end."""
        for contract in tuple(self._wanted.values()):
            if not self._renewing.locked() and self._is_refused(contract.con_id):
                self._subscribe(connection, contract, self._claim(connection, contract, next_id))
                await connection.requests.pace()

    def _is_refused(self, con_id: int) -> bool:
        asked_s = self._asked_wall_s.get(con_id)
        if asked_s is None or self._books.quotes.has_line(self._req_ids.get(con_id, 0)):
            return False
        return self._books.clock.wall_s() - asked_s >= _ASK_AGAIN_WALL_S

    def _claim(self, connection: Connection, contract: Contract, next_id: Callable[[], int]) -> int:
        """An id whose ticks are known to be this contract's before the request leaves."""
        req_id = next_id()
        connection.requests.claim(req_id)
        self._req_ids[contract.con_id] = req_id
        self._asked_wall_s[contract.con_id] = self._books.clock.wall_s()
        self._books.quotes.open_line(req_id, contract.con_id)
        return req_id

    def _subscribe(self, connection: Connection, contract: Contract, req_id: int) -> None:
        kind = _LIVE_OR_DELAYED if self._books.options.allow_delayed else _LIVE
        connection.client.reqMarketDataType(kind)
        connection.client.reqMktData(req_id, ib_contract_of(contract), "", False, False, [])
