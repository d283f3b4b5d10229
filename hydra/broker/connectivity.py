"""Whether the link may carry a new child: the table first, the watch over time below it.

Pure: every method takes the wall second at which something happened. The link is good only when every part
is: the socket, the way from the gateway to IB (1100/1101/1102), the farms that matter, the heartbeat, the
clocks' skew, and a synchronisation since the last break.
"""

from enum import StrEnum
from types import MappingProxyType

from hydra.broker.error_codes import LinkNotice


class Upstream(StrEnum):
    """The way from the gateway to IB."""

    UP = "UP"
    LOST = "LOST"


# notice -> (upstream after it, whether the books must be read again before a child may be sent)
UPSTREAM_MOVES = MappingProxyType(
    {
        LinkNotice.LOST: (Upstream.LOST, True),
        LinkNotice.RESTORED_DATA_LOST: (Upstream.UP, True),
        LinkNotice.RESTORED: (Upstream.UP, True),
    }
)


class LinkWatch:
    """The state of one client's link over all its connections."""

    def __init__(
        self, *, heartbeat_age_s_max: float, skew_s_max: float, relevant_farms: frozenset[str]
    ) -> None:
        self._heartbeat_age_s_max = heartbeat_age_s_max
        self._skew_s_max = skew_s_max
        self._relevant_farms = relevant_farms
        self.connection_no = 0
        self.is_connected = False
        self.upstream = Upstream.UP
        self.is_synced = False
        self.skew_s: float | None = None
        self.broken_farms: frozenset[str] = frozenset()
        self.alarm = ""
        self.zone_fault = ""
        self.breaks = 0
        self._heartbeat_wall_s: float | None = None
        self._good_since_wall_s: float | None = None
        self._down_reason = "not connected yet"

    # --- what is asked ---

    def reason(self, wall_s: float) -> str:
        """Why no child may be sent now; empty when the link is wholly good."""
        now_bad = self._fault(wall_s)
        if now_bad:
            self._good_since_wall_s = None
        elif self._good_since_wall_s is None:
            self._good_since_wall_s = wall_s
        return now_bad

    def good_since_wall_s(self, wall_s: float) -> float:
        """Since when the link is wholly good; infinity while it is not."""
        self.reason(wall_s)
        return float("inf") if self._good_since_wall_s is None else self._good_since_wall_s

    @property
    def wants_sync(self) -> bool:
        """Whether reading the books now could mend the link."""
        return self.is_connected and self.upstream is Upstream.UP and not self.is_synced

    # --- what happens ---

    def connecting(self, wall_s: float) -> None:
        """A new connection is being made: what was known of the last one holds no longer."""
        self.is_connected = False
        self.upstream = Upstream.UP
        self.is_synced = False
        self.skew_s = None
        self.broken_farms = frozenset()
        self.alarm = ""
        self._heartbeat_wall_s = None
        self._touch(wall_s, breaks=True)

    def connected(self, wall_s: float) -> None:
        """The new connection stands; its notices came while it was made."""
        self.connection_no += 1
        self.is_connected = True
        self._touch(wall_s)

    def disconnected(self, wall_s: float, reason: str) -> None:
        self.is_connected = False
        self.is_synced = False
        self._down_reason = reason
        self._touch(wall_s, breaks=True)

    def synced(self, wall_s: float) -> None:
        """The books were read to their end markers since the last break."""
        self.reason(wall_s)
        self.is_synced = True
        self.alarm = ""
        self._touch(wall_s)

    def noticed(self, notice: LinkNotice, farm: str, wall_s: float) -> None:
        """A code without an id arrived."""
        self.reason(wall_s)
        move = UPSTREAM_MOVES.get(notice)
        if move is not None:
            self.upstream, must_sync = move
            self.is_synced = self.is_synced and not must_sync
            self._touch(wall_s, breaks=True)
        elif notice is LinkNotice.FARM_BROKEN:
            self.broken_farms |= {farm}
        elif notice is LinkNotice.FARM_OK:
            self.broken_farms -= {farm, ""}
        self._touch(wall_s)

    def heart_beat(self, wall_s: float, skew_s: float) -> None:
        """The gateway told its time; `skew_s` is gateway minus ours, in wall seconds."""
        self.reason(wall_s)
        self._heartbeat_wall_s = wall_s
        self.skew_s = skew_s
        self._touch(wall_s)

    def raise_alarm(self, alarm: str, wall_s: float) -> None:
        """Evidence was lost on the way in: no child until the books are read whole again."""
        self.alarm = alarm
        self.is_synced = False
        self._touch(wall_s, breaks=True)

    # --- inside ---

    def _touch(self, wall_s: float, *, breaks: bool = False) -> None:
        self.breaks += breaks
        self.reason(wall_s)

    def _fault(self, wall_s: float) -> str:
        if not self.is_connected:
            return self._down_reason
        if self.upstream is Upstream.LOST:
            return "the gateway lost IB (1100)"
        if self.alarm or self.zone_fault:
            return self.alarm or self.zone_fault
        if not self.is_synced:
            return "the books are not read since the last break"
        broken = self._faulty_farms()
        if broken:
            return f"data farm broken: {', '.join(sorted(broken))}"
        return self._clock_fault(wall_s)

    def _faulty_farms(self) -> frozenset[str]:
        """The broken farms that matter; a notice that names none could be any of them."""
        if not self._relevant_farms:
            return frozenset(farm or "unnamed" for farm in self.broken_farms)
        return frozenset(
            farm or "unnamed" for farm in self.broken_farms if not farm or farm in self._relevant_farms
        )

    def _clock_fault(self, wall_s: float) -> str:
        beat = self._heartbeat_wall_s
        if beat is None or self.skew_s is None:
            return "no heartbeat yet"
        if wall_s - beat > self._heartbeat_age_s_max:
            return f"no heartbeat for {wall_s - beat:.1f} s"
        if abs(self.skew_s) > self._skew_s_max:
            return f"clock skew to the gateway {self.skew_s:+.1f} s, limit {self._skew_s_max:g} s"
        return ""
