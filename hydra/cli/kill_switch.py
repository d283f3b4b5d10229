"""One kill from its latch to its proof.

The latch is written before anything heavy is imported; what costs time comes after new orders are blocked,
and what the ledger takes comes after the cancels.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from hydra.cli.invocation import Invocation, begin_log
from hydra.domain.errors import HydraError, Unavailable, UserError
from hydra.domain.latch import EVERYTHING, Latched
from hydra.usecases.latch import LATCH_FILE, let_through, set_latch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from hydra.broker.session import IbBroker
    from hydra.config import Settings
    from hydra.domain.evidence import Report
    from hydra.eventlog import Level
    from hydra.persistence.seat import Seat
    from hydra.ports import Clock
    from hydra.usecases.kill import Withdrawal

# For the gateway to let go of the ended holder's connection; after it, ALL is cancelled without the id.
_ID_WALL_S: Final = {True: 0.8, False: 4.0}
_GATEWAY_AWAY: Final = ("HY-301", "HY-302")
_LEDGER_WALL_S: Final = 3.0


class KillSwitch:
    """One kill; every step is told on stderr with the seconds since the command began."""

    def __init__(
        self, given: Invocation, settings: Settings, latched: Latched, begun_s: float, within_s: float
    ) -> None:
        """`begun_s`: monotonic seconds at the command's begin; `within_s`: the proof's patience."""
        self._given, self._settings, self._latched = given, settings, latched
        self._begun_s, self._within_s = begun_s, within_s
        self._path = settings.data_dir / LATCH_FILE
        self._took: dict[str, float] = {}
        self._ledger: Future[str] | None = None

    def run(self, wants_flat: bool) -> dict[str, Any]:
        import asyncio

        from hydra.persistence.seat import LOCKS_FOLDER, take_seat

        problem = self._latch()
        self._reached("latched")
        folder = self._settings.data_dir / LOCKS_FOLDER
        seats = [take_seat(folder, one) for one in self._client_ids]
        self._reached("seated")
        begin_log(self._settings)
        self._say("hydra.kill.latched", scope=self._latched.scope, problem=problem)
        self._say("hydra.kill.seated", problem=_refusal(seats))
        found = asyncio.run(self._work(seats, wants_flat))
        if problem:
            raise Unavailable("HY-510", path=self._path, problem=problem)
        return found

    @property
    def _client_ids(self) -> tuple[int, ...]:
        """Every id that sends: one, or one a shard."""
        from hydra.domain.roles import sender_ids

        return sender_ids(self._settings.gateway.client_id, self._settings.worker.shards)

    def _latch(self) -> str:
        """Empty, or why the latch could not be written: then the holder's end must do."""
        try:
            set_latch(self._path, self._latched)
        except OSError as problem:
            return str(problem)
        return ""

    async def _work(self, seats: Sequence[Seat | str], wants_flat: bool) -> dict[str, Any]:
        from hydra.wiring import clock_of

        try:
            done, heard = await self._withdraw(clock_of(self._settings), _refusal(seats))
        finally:
            self._tell_ledger()
            problem = await self._ledger_told()
            for seat in seats:
                if not isinstance(seat, str):
                    seat.close()
        found = {**self._found(done), "ledger": problem}
        left = await self._flatten(done, heard, found["ledger"]) if wants_flat else []
        if not done.is_proven:
            raise UserError(
                "HY-512", scope=done.scope, seconds=f"{self._within_s:g}", orders=_named(done) or "its books"
            )
        return {**found, "left": left}

    async def _withdraw(self, clock: Clock, refusal: str) -> tuple[Withdrawal, Sequence[Report]]:
        """By order id on our own client ids; where one cannot be had, everything there is, or nothing."""
        from hydra.domain.roles import READING_ID_OFFSET
        from hydra.wiring import canceller

        client_id = self._settings.gateway.client_id
        is_all = self._latched.scope == EVERYTHING
        reason = refusal
        if not reason:
            try:
                return await self._by_order_id(clock, is_all)
            except Unavailable as problem:
                if problem.code in _GATEWAY_AWAY:
                    raise
                reason = problem.what
        self._tell_ledger()
        if not is_all:
            raise Unavailable("HY-511", scope=self._latched.scope, client_id=client_id, reason=reason)
        self._say("hydra.kill.global", "warning", reason=reason, hits="manual orders, too")
        broker = canceller(self._settings, clock, client_id + READING_ID_OFFSET)
        return await self._cancel(broker, clock, False, True)

    async def _by_order_id(self, clock: Clock, is_hasty: bool) -> tuple[Withdrawal, Sequence[Report]]:
        """Every id at once; the first that fails fails the whole, after all have done what they could."""
        import asyncio

        from hydra.usecases.kill import together
        from hydra.wiring import canceller

        brokers = [canceller(self._settings, clock, one) for one in self._client_ids]
        told = await asyncio.gather(
            *(self._cancel(broker, clock, is_hasty, False) for broker in brokers), return_exceptions=True
        )
        parts = []
        for one in told:
            if isinstance(one, BaseException):
                raise one
            parts.append(one)
        return together([done for done, _ in parts]), [report for _, heard in parts for report in heard]

    async def _cancel(
        self, broker: IbBroker, clock: Clock, is_hasty: bool, is_global: bool
    ) -> tuple[Withdrawal, Sequence[Report]]:
        from hydra.config import execution_policy
        from hydra.usecases.kill import Patience, connect, withdraw

        self._say("hydra.kill.connecting")
        try:
            await connect(broker, clock, _ID_WALL_S[is_hasty])
            self._say("hydra.kill.connected")
            policy = execution_policy(self._settings, broker.account)
            patience = Patience(self._within_s, policy.cancel_settle_wall_s)
            done = await withdraw(
                broker, self._latched.scope, clock, patience, self._say, is_global=is_global
            )
            end = "proven" if done.is_proven else "unproven"
            self._say(f"hydra.kill.{end}", orders=len(done.targets))
            return done, broker.reports()
        finally:
            await broker.close()

    def _say(self, event: str, level: Level = "info", **fields: object) -> None:
        """Tells a step, and keeps when it was first reached."""
        from hydra import eventlog

        step = event.rpartition(".")[2]
        took_s = self._reached(step)
        told = {name: value for name, value in fields.items() if value != ""}
        eventlog.event(event, level, error=None, after_s=took_s, **told)
        if step == "cancelled":
            self._tell_ledger()

    def _reached(self, step: str) -> float:
        """Seconds from the command's begin to the first time it was here."""
        return self._took.setdefault(step, round(time.monotonic() - self._begun_s, 3))

    def _tell_ledger(self) -> None:
        """Once the cancels are out, or cannot be: what the ledger takes must delay none of them."""
        if self._ledger is None:
            from hydra.bootstrap import halt_in_ledger
            from hydra.wiring import clock_of

            self._ledger = halt_in_ledger(self._settings, clock_of(self._settings), self._latched)

    async def _ledger_told(self) -> str:
        """Empty when the halt is in the ledger, else why it is not; the latch holds either way."""
        import asyncio

        assert self._ledger is not None
        try:
            problem = await asyncio.wait_for(asyncio.wrap_future(self._ledger), _LEDGER_WALL_S)
        except TimeoutError:
            problem = f"no answer within {_LEDGER_WALL_S:g} s"
        if problem:
            self._say("hydra.kill.unrecorded", "warning", problem=problem)
        return problem

    async def _flatten(self, done: Withdrawal, heard: Sequence[Report], problem: str) -> list[str]:
        """The positions still open; HY-513 names them when there are any."""
        left = [f"{lots:+d} of con_id {con_id}" for con_id, lots in _held(done).items()]
        if not done.is_proven or done.is_global:
            problem = problem or "the orders' end is not proven on our own client id"
        if not problem:
            try:
                left = [str(one) for one in await self._flat(heard)]
                problem = "what the market gave in two minutes" if left else ""
            except HydraError as refused:
                problem = refused.what
        if problem:
            raise Unavailable(
                "HY-513", scope=done.scope, problem=problem, positions="; ".join(left) or "none that is known"
            )
        return left

    async def _flat(self, heard: Sequence[Report]) -> Sequence[object]:
        from hydra.bootstrap import flattening, open_desk
        from hydra.persistence.seat import this_holder
        from hydra.usecases.flatten import flatten

        settings = flattening(self._given.trading_settings(self._flags))
        let_through(self._path, self._latched.scope, this_holder())
        self._say("hydra.kill.flattening")
        left: list[object] = []
        for shard in range(1, settings.worker.shards + 1) or (0,):
            worker = settings.worker.model_copy(update={"shard": shard})
            own = settings.model_copy(update={"worker": worker})
            async with open_desk(own, approver=self._latched.by) as desk:
                left += await flatten(
                    desk,
                    self._latched.scope,
                    by=self._latched.by,
                    reason=self._latched.reason,
                    evidence=heard,
                )
        return left

    @property
    def _flags(self) -> dict[str, object]:
        gateway = self._settings.gateway
        return {"gateway.host": gateway.host, "gateway.port": gateway.port}

    def _found(self, done: Withdrawal) -> dict[str, Any]:
        return {
            "scope": done.scope,
            "client_id": done.client_id,
            "is_global": done.is_global,
            "is_proven": done.is_proven,
            "orders": [
                {
                    "order_ref": one.order_ref,
                    "perm_id": one.perm_id,
                    "qty": one.qty,
                    "filled": done.filled(one),
                }
                for one in done.targets.values()
            ],
            "positions": [{"con_id": con_id, "lots": lots} for con_id, lots in _held(done).items()],
            "after_s": self._took,
        }


def _refusal(seats: Sequence[Seat | str]) -> str:
    """Why one of the client ids cannot be had; empty when all are ours."""
    return next((one for one in seats if isinstance(one, str)), "")


def _held(done: Withdrawal) -> dict[int, int]:
    return dict(done.books.positions) if done.books is not None else {}


def _named(done: Withdrawal) -> str:
    """Orders that are not proven gone, by reference or permId."""
    return ", ".join(
        f"{one.order_ref or one.perm_id} (client {one.client_id})"
        for one in (*done.working, *done.out_of_reach)
    )
