"""What one flow run has on the `ib` loop: the desk everyone shares, its own session, and prices it saw."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from hydra.domain.errors import UserError
from hydra.domain.parent import ParentOrder
from hydra.ports import Broker
from hydra.usecases.desk import Desk
from hydra.usecases.plan import SessionState
from hydra.usecases.reader import Reader

TRACE_EVERY_WALL_S = 0.5
TRACE_POINTS_MAX = 4_000


@dataclass(slots=True)
class Bench:
    """One flow run's work; belongs to the `ib` loop like what it holds."""

    held: Desk | Reader
    state: SessionState | None = None
    trace: dict[int, list[tuple[datetime, Decimal]]] = field(default_factory=dict)
    tracer: asyncio.Task[None] | None = None

    @property
    def desk(self) -> Desk:
        """The desk of the execution role; HY-609 in a worker that only reads."""
        if isinstance(self.held, Reader):
            raise UserError("HY-609", role=self.held.duty.role)
        return self.held

    @property
    def broker(self) -> Broker:
        """The connection of this role, for readings."""
        return self.held.broker

    @property
    def session(self) -> SessionState:
        """The session begun in this flow run; a defect when there is none."""
        if self.state is None:
            raise RuntimeError("no session was begun in this flow run")
        return self.state

    def parents(self) -> list[ParentOrder]:
        """The session's parents as this process knows them now."""
        return [self.desk.parents[one] for one in self.session.parents]

    def trace_prices(self, con_ids: Iterable[int]) -> None:
        """Keep the mids of these contracts for the session's plot until the flow run ends."""
        self.trace = {con_id: self.trace.get(con_id, []) for con_id in con_ids}
        if self.tracer is None:
            self.tracer = asyncio.ensure_future(self._trace())

    def close(self) -> None:
        """The flow run is over."""
        if self.tracer is not None:
            self.tracer.cancel()
            self.tracer = None

    async def _trace(self) -> None:
        while True:
            for con_id, points in self.trace.items():
                quote = self.desk.broker.quote(con_id)
                if quote is not None and quote.mid_px is not None:
                    if len(points) >= TRACE_POINTS_MAX:
                        del points[::2]
                    points.append((self.desk.clock.now(), quote.mid_px))
            await self.desk.clock.sleep_wall(TRACE_EVERY_WALL_S)
