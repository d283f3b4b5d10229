"""When the gateway's next maintenance window begins."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hydra.config.schema import MaintenanceWindow

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def next_maintenance(windows: Sequence[MaintenanceWindow], now: datetime) -> datetime | None:
    """The start (UTC) of the window that is on or comes next; None without windows.

    Inside a window its own start is returned, which lies in the past: nothing may begin.
    """
    starts = [start for window in windows for start, end in _occurrences(window, now) if end > now]
    return min(starts, default=None)


def _occurrences(window: MaintenanceWindow, now: datetime) -> list[tuple[datetime, datetime]]:
    """Starts and ends from yesterday to a week ahead, in UTC, by the window's own wall clock."""
    zone = ZoneInfo(window.zone)
    today = now.astimezone(zone).date()
    found = []
    for ahead in range(-1, 9):
        on = today + timedelta(days=ahead)
        if _DAYS[on.weekday()] not in window.days:
            continue
        start = datetime.combine(on, window.start, tzinfo=zone)
        end_on = on if window.end > window.start else on + timedelta(days=1)
        end = datetime.combine(end_on, window.end, tzinfo=zone)
        found.append((start.astimezone(UTC), end.astimezone(UTC)))
    return found
