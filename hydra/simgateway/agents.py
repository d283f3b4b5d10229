"""The other participants of a thin future: makers who quote, retreat and come back, and takers who trade.

Every agent draws from a stream of its own, named by seed, contract, session and agent. The makers
centre their quotes on the fair price plus the pressure that recent trades left behind; takers come
more often where the price on offer is good, so that an order inside the spread finds a counterparty.
"""

from heapq import heapify, heappop, heapreplace
from math import exp
from typing import Final, Protocol

from hydra.simgateway.book import BUY, SELL, Order
from hydra.simgateway.calibration import Calibration
from hydra.simgateway.dayprice import DayPrice
from hydra.simgateway.liquidity import Liquidity
from hydra.simgateway.streams import stream

_PRESSURE_DECAY_S: Final = 300.0
_PRESSURE_MAX: Final = 3.0
_MOOD_SD: Final = 0.3
_MOOD_EVERY_S: Final = 600.0
_JUMP_NOTICE_S: Final = (30.0, 120.0)
_JUMP_FOREKNOWN: Final = 0.9
_AWAY: Final = 0.05
_AWAY_FOR_REFRESHES: Final = 3.0
_RETREAT_BOTH: Final = 0.35
_EAGERNESS: Final = 0.8
_EAGER_MAX: Final = 2.5
_EAGER_MIN: Final = 0.05
_LOCKED_BY: Final = 6.0  # half-spreads: how far beyond a limit the price of a locked day is believed to be
_TAKER_REACH: Final = 3.0
_SWEEP: Final = 0.015
_SWEEP_TIMES: Final = 5

# Kinds of wake: n >= 0 is maker n, and _BEFORE_JUMP - n is maker n's extra look before a jump.
_TAKER, _MOOD, _RETREAT, _BEFORE_JUMP = -1, -2, -3, -10


class Venue(Protocol):
    """What the crowd may do at its exchange."""

    def best(self, side: int) -> int | None: ...

    def enter(self, order: Order) -> None:
        """Match what crosses, rest the remainder."""

    def take(self, side: int, qty: int, limit: int) -> None:
        """Match what crosses, drop the remainder."""

    def pull(self, order: Order) -> None: ...


class _Maker:
    """One maker: a quote on each side, redrawn now and then around the centre of the market."""

    __slots__ = ("back_at", "notice_us", "orders", "rng")

    def __init__(self, seed: int, name: tuple[object, ...]) -> None:
        self.rng = stream(seed, *name)
        self.orders: dict[int, Order] = {}
        self.back_at = {BUY: 0, SELL: 0}
        self.notice_us = int(1e6 * self.rng.uniform(*_JUMP_NOTICE_S))
        if self.rng.random() > _JUMP_FOREKNOWN:
            self.notice_us = 0


class Crowd:
    """All other participants of one contract during one session; lives from its opening to its close."""

    def __init__(
        self,
        venue: Venue,
        cal: Calibration,
        day: DayPrice,
        thin: Liquidity,
        *,
        seed: int,
        con_id: int,
        at: int,
        locked: int = 0,
        is_away: bool = False,
    ) -> None:
        """`locked`: +1 or -1, everybody believes in a price beyond that limit; `is_away`: nobody quotes."""
        self._venue = venue
        self._locked = locked
        self._is_away = is_away
        self._cal = cal
        self._day = day
        self._thin = thin
        self._makers = [_Maker(seed, (con_id, at, "maker", n)) for n in range(thin.makers)]
        self._takers = stream(seed, con_id, at, "takers")
        self._weather = stream(seed, con_id, at, "weather")
        self._mood = 1.0
        self._pressure, self._pressure_at = 0.0, at
        self._shift = 0
        self._wakes: list[tuple[int, int]] = []

    @property
    def next_at(self) -> int:
        return self._wakes[0][0]

    def arrive(self, at: int, shift: int) -> None:
        """Quote for the first time; `shift` in ticks is what a reopening after a halt added to the price."""
        self._shift = shift
        self._change_mood()
        wakes = [(self._quote(n, at), n) for n in range(len(self._makers))]
        for kind, mean in ((_MOOD, _MOOD_EVERY_S), (_RETREAT, self._retreat_every_s)):
            wakes.append((at + self._wait(self._weather.expovariate(1 / mean)), kind))
        wakes.append((self._next_taker(at), _TAKER))
        jump = self._day.jump_at
        if jump is not None:
            early = ((jump - m.notice_us, _BEFORE_JUMP - n) for n, m in enumerate(self._makers))
            wakes.extend(wake for wake in early if wake[0] > at)
        heapify(wakes)
        self._wakes = wakes

    def wake(self) -> int:
        """Let the next agent act; returns the instant it did."""
        at, kind = self._wakes[0]
        if kind <= _BEFORE_JUMP:
            heappop(self._wakes)
            self._quote(_BEFORE_JUMP - kind, at)
            return at
        if kind >= 0:
            following = self._quote(kind, at)
        elif kind == _TAKER:
            self._trade(at)
            following = self._next_taker(at)
        elif kind == _MOOD:
            self._change_mood()
            following = at + self._wait(self._weather.expovariate(1 / _MOOD_EVERY_S))
        else:
            self._retreat(at)
            following = at + self._wait(self._weather.expovariate(1 / self._retreat_every_s))
        heapreplace(self._wakes, (following, kind))
        return at

    def leave(self) -> None:
        """Pull every quote: the session ends or the contract is halted."""
        for maker in self._makers:
            for order in maker.orders.values():
                self._venue.pull(order)
            maker.orders.clear()

    def traded(self, side: int, qty: int, at: int) -> None:
        """Someone took `qty`: the next quotes lean away for some minutes."""
        reach = _PRESSURE_MAX * self._thin.half_spread_ticks
        self._pressure = self._pressure_now(at) + side * self._cal.impact * qty
        self._pressure = min(reach, max(-reach, self._pressure))
        self._pressure_at = at

    def centre(self, at: int) -> float:
        """Where the crowd believes the price is, in ticks; beyond the limit the day is locked at."""
        settled, fair = self._day.settled, self._day.fair_at(at)
        wide = _LOCKED_BY * self._thin.half_spread_ticks
        if self._locked:
            fair = settled.limit_up if self._locked > 0 else settled.limit_down
        if fair >= settled.limit_up:
            fair = max(fair, settled.limit_up + wide)
        elif fair <= settled.limit_down:
            fair = min(fair, settled.limit_down - wide)
        return self._shift + fair + self._pressure_now(at)

    @property
    def _retreat_every_s(self) -> float:
        return 3600.0 / self._thin.retreats_per_hour

    @staticmethod
    def _wait(seconds: float) -> int:
        return 1000 + int(seconds * 1e6)

    def _pressure_now(self, at: int) -> float:
        return self._pressure * exp((self._pressure_at - at) / (1e6 * _PRESSURE_DECAY_S))

    def _change_mood(self) -> None:
        self._mood = exp(self._weather.gauss(-(_MOOD_SD**2) / 2, _MOOD_SD))

    def _quote(self, n: int, at: int) -> int:
        """Redraw maker n's quotes; returns when it looks again."""
        maker, refresh_s = self._makers[n], self._thin.refresh_s
        rng = maker.rng
        jump = self._day.jump_at
        if jump is not None and 0 < jump - at <= maker.notice_us:
            maker.back_at = dict.fromkeys((BUY, SELL), jump + self._wait(rng.expovariate(1 / refresh_s)))
        elif rng.random() < _AWAY:
            away_until = at + self._wait(rng.expovariate(1 / (refresh_s * _AWAY_FOR_REFRESHES)))
            for side in ((BUY, SELL), (BUY,), (SELL,))[rng.randrange(3)]:
                maker.back_at[side] = away_until
        centre = self.centre(at)
        for side in (BUY, SELL):
            self._requote(maker, side, centre, at)
        following = at + self._wait(rng.expovariate(1 / refresh_s))
        back = max(maker.back_at.values())
        return max(following, back) if back > at and not maker.orders else following

    def _requote(self, maker: _Maker, side: int, centre: float, at: int) -> None:
        rng = maker.rng
        low, high = self._cal.touch_size
        width = (
            self._cal.width_scale * self._mood * self._thin.half_spread_ticks * (0.55 + rng.expovariate(0.9))
        )
        size = rng.randint(low, high)
        order = maker.orders.get(side)
        price = round(centre - side * width)
        price = min(price, self._day.settled.limit_up + self._shift) if side == BUY else price
        price = max(price, self._day.settled.limit_down + self._shift) if side == SELL else price
        outside = self._beyond(side, price)
        if order is not None:
            if order.leaves > 0 and order.price == price and maker.back_at[side] <= at and not outside:
                return
            self._venue.pull(order)
            del maker.orders[side]
        if maker.back_at[side] > at or outside or self._is_away:
            return
        fresh = Order(0, side, price, size)
        maker.orders[side] = fresh
        self._venue.enter(fresh)

    def _beyond(self, side: int, price: int) -> bool:
        """Whether the day's limits forbid the quote: nobody offers who wants more than limit-up."""
        settled = self._day.settled
        if side == SELL:
            return price > settled.limit_up + self._shift
        return price < settled.limit_down + self._shift

    def _retreat(self, at: int) -> None:
        """All makers leave one side or both for a while: one-sided and empty books."""
        rng = self._weather
        until = at + self._wait(rng.expovariate(1 / (2 * self._thin.refresh_s)))
        sides = (BUY, SELL) if rng.random() < _RETREAT_BOTH else ((BUY,), (SELL,))[rng.randrange(2)]
        for maker in self._makers:
            for side in sides:
                maker.back_at[side] = max(maker.back_at[side], until)
                order = maker.orders.pop(side, None)
                if order is not None:
                    self._venue.pull(order)

    def _next_taker(self, at: int) -> int:
        lots = max(self._day.intensity(at) * self._cal.taker_scale, 1e-7)
        return at + self._wait(self._takers.expovariate(_EAGER_MAX * lots / self._cal.taker_size))

    def _trade(self, at: int) -> None:
        """One potential taker looks at the price and may trade."""
        rng = self._takers
        side = BUY if rng.random() < 0.5 else SELL
        luck, size, sweep = rng.random(), rng.expovariate(1.0), rng.random() < _SWEEP
        offered = self._venue.best(-side)
        if offered is None or self._is_away:
            return
        centre, half = self.centre(at), max(0.5, self._thin.half_spread_ticks)
        distance = side * (offered - centre) / half
        eager = min(_EAGER_MAX, max(_EAGER_MIN, exp(_EAGERNESS * (1 - distance))))
        if luck * _EAGER_MAX > eager:
            return
        qty = 1 + int(size * max(0.3, self._cal.taker_size - 0.6))
        reach = round(centre + side * _TAKER_REACH * half)
        limit = side * max(side * reach, side * offered)
        self._venue.take(side, qty * (_SWEEP_TIMES if sweep else 1), limit)
