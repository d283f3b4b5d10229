"""How one connection to IB is made and watched: plain values, no configuration library."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from hydra.domain.evidence import ErrorMeaning


@dataclass(frozen=True, slots=True)
class BrokerOptions:
    """Where the gateway is, who we are, and how long each part may take.

    Every `_s` is wall seconds, because a scheduler's pause is not a disconnect; `good_till_margin` is market
    time. `mode` is `paper` or `live` and is proved by the account's prefix, never by a port. `broker_zone` is
    the gateway's own time zone: it bounds the broker day and reads execution times that name no zone.
    `latch_holder` is this process as a kill's latch may name it. Without `reads_books_first` a connection
    stands after the handshake alone, for who only cancels: its link is not good for a child.
    """

    host: str
    port: int
    client_id: int
    account: str | None = None
    mode: str = "paper"
    connect_timeout_s: float = 4.0
    backoff_s: tuple[float, ...] = (2.0, 4.0, 8.0)
    heartbeat_interval_s: float = 2.0
    heartbeat_deadline_s: float = 2.0
    heartbeat_misses_max: int = 3
    skew_s_max: float = 2.0
    settle_s: float = 10.0
    send_window_s: float = 1.0
    good_till_margin: timedelta = timedelta(seconds=1)
    request_timeout_s: float = 5.0
    history_timeout_s: float = 15.0
    data_requests_per_s: int = 30
    broker_zone: str = "America/New_York"
    relevant_farms: frozenset[str] = frozenset({"usfuture"})
    front_days_min: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    exchanges: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    latch_path: Path | None = None
    latch_holder: str = ""
    allow_delayed: bool = False
    with_completed: bool = True
    reads_books_first: bool = True
    order_error_meanings: Mapping[int, ErrorMeaning] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if self.mode not in ("paper", "live"):
            raise ValueError(f"mode is paper or live, not {self.mode!r}")
        if self.heartbeat_interval_s < 1.0:
            raise ValueError("a gateway leaves the second of two time requests within a second unanswered")
