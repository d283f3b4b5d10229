"""How far a long computation is: a line that renews itself on a terminal, one line a minute elsewhere."""

import sys
from time import perf_counter

_TERMINAL_S = 0.2
_FILE_S = 60.0


class Progress:
    """Counts to `total`, on standard error; what takes less than a minute leaves no trace in a file."""

    def __init__(self, total: int, things: str) -> None:
        self._total = total
        self._things = things
        self._begun_s = self._told_s = perf_counter()

    def show(self, done: int, more: str = "") -> None:
        """Tell that this many are done, unless it was told just now."""
        now_s, is_terminal, is_last = perf_counter(), sys.stderr.isatty(), done == self._total
        due_s = self._told_s + (_TERMINAL_S if is_terminal else _FILE_S)
        if now_s < due_s and not (is_terminal and is_last):
            return
        self._told_s = now_s
        rate = done / max(now_s - self._begun_s, 1e-9)
        text = f"{done}/{self._total} {self._things}, {rate:.1f} a second{more}"
        begin, end = ("\r", "\n" if is_last else "") if is_terminal else ("", "\n")
        print(f"{begin}{text}{' ' if is_terminal else ''}", end=end, file=sys.stderr, flush=True)
