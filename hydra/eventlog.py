"""What happens, as events named `hydra.<noun>.<past>`: one name space for logs, Prefect and alerts.

One switch chooses between a line for people and one JSON object a line. A repeated event is counted, not
repeated. Secrets are removed from values, messages and exceptions. structlog is loaded on first use (a
quarter of a second), so nothing that only imports this file pays for it.
"""

import logging
import re
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date, datetime
from typing import Any, Final, Literal, TextIO

Level = Literal["debug", "info", "warning", "error"]

_NAME: Final = re.compile(r"hydra(\.[a-z][a-z0-9_]*){2}")
_RANK: Final[dict[Level, int]] = {"debug": 0, "info": 1, "warning": 2, "error": 3}
_IDENTITIES_MAX: Final = 1_000
_SECRET_CHARS_MIN: Final = 4
# Every connection that fails or ends is an event or a coded line of our adapter.
_TOLD_ALREADY: Final = frozenset({"ib_async.client"})
_MASK: Final = "********"
_SECRET_WORDS: Final = r"(?:password|passwd|secret|token|api_?key|auth_string|authorization|credential)"
_SECRET_KEY: Final = re.compile(_SECRET_WORDS, re.IGNORECASE)
_SECRETS_IN_TEXT: Final = (
    # scheme://user:password@host
    re.compile(r"(?P<kept>\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@]+(?=@)", re.IGNORECASE),
    # password=…, "token": "…", Authorization: Bearer …
    re.compile(
        rf"(?P<kept>\b[\w-]*{_SECRET_WORDS}(?:[_-][\w-]*)?[\\\"']*\s*[=:]\s*[\\\"']*(?:(?:bearer|basic)\s+)?)"
        r"[^\s\\\"',;&)]+",
        re.IGNORECASE,
    ),
)


class EventLog:
    """One process's event log; the functions of this module speak to the one in force."""

    def __init__(
        self,
        style: Literal["human", "json"] = "human",
        level: Level = "warning",
        repeat_s: float = 60.0,
        stream: TextIO | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        """`stream`: default stderr when a line is written; `now` stamps events, default the wall in UTC."""
        self._style = style
        self._level = level
        self._repeat_s = repeat_s
        self._stream = stream
        self._now = now
        self._lock = threading.RLock()
        self._seen: OrderedDict[object, _Seen] = OrderedDict()
        self._logger: Any = None

    def event(self, name: str, level: Level, error: BaseException | None, fields: dict[str, object]) -> None:
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} is not an event name: hydra.<noun>.<past>")
        if _RANK[level] < _RANK[self._level]:
            return
        with self._lock:
            self._tell_expired()
            identity = _identity(name, level, fields)
            seen = self._seen.get(identity)
            if seen is not None:
                seen.repeats += 1
                return
            if self._repeat_s > 0:
                self._seen[identity] = _Seen(name, level, fields, time.monotonic() + self._repeat_s)
            while len(self._seen) > _IDENTITIES_MAX:
                self._tell(self._seen.popitem(last=False)[1])
            self._write(name, level, error, fields)

    def flush(self) -> None:
        """Tells how often each event of the present windows was repeated."""
        with self._lock:
            while self._seen:
                self._tell(self._seen.popitem(last=False)[1])

    def _tell_expired(self) -> None:
        """Windows have one length, so the oldest entry is always the first to expire."""
        while self._seen and next(iter(self._seen.values())).until_s <= time.monotonic():
            self._tell(self._seen.popitem(last=False)[1])

    def _tell(self, seen: "_Seen") -> None:
        if seen.repeats:
            self._write(seen.name, seen.level, None, {**seen.fields, "repeated": seen.repeats})

    def _write(self, name: str, level: Level, error: BaseException | None, fields: dict[str, object]) -> None:
        if self._logger is None:
            self._logger = self._build()
        if error is not None:
            fields = {**fields, "exc_info": error}
        getattr(self._logger, level)(name, **fields)

    def _build(self) -> Any:
        import structlog

        return structlog.wrap_logger(
            _Lines(self._stream),
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                self._stamp(structlog),
                structlog.processors.format_exc_info,
                _without_secret_keys,
                _with_plain_times,
                self._renderer(structlog),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(self._level),
            cache_logger_on_first_use=False,
        )

    def _stamp(self, structlog: Any) -> Any:
        if self._now is None:
            return structlog.processors.TimeStamper(fmt="iso", utc=True, key="at")
        now = self._now

        def stamp(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
            event["at"] = now().isoformat()
            return event

        return stamp

    def _renderer(self, structlog: Any) -> Any:
        if self._style == "json":
            return structlog.processors.JSONRenderer(default=str, ensure_ascii=False)
        return structlog.dev.ConsoleRenderer(
            colors=bool(getattr(self._stream or sys.stderr, "isatty", lambda: False)()),
            exception_formatter=structlog.dev.plain_traceback,
            timestamp_key="at",
            sort_keys=False,
        )


class _Seen:
    """An event within its window, and how often it came again."""

    __slots__ = ("fields", "level", "name", "repeats", "until_s")

    def __init__(self, name: str, level: Level, fields: dict[str, object], until_s: float) -> None:
        self.name, self.level, self.fields, self.until_s = name, level, fields, until_s
        self.repeats = 0


class _Lines:
    """Where rendered lines go: the stream given, or whatever stderr is at that moment."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def msg(self, text: str) -> None:
        with suppress(OSError, ValueError):  # full disk, closed pipe: what was to be told must stop no order
            print(redact(text), file=self._stream or sys.stderr, flush=True)

    debug = info = warning = error = msg


class _Bridge(logging.Handler):
    """A library's own log records as events, one level quieter: our adapters already tell what matters."""

    def emit(self, record: logging.LogRecord) -> None:
        is_news = record.levelno >= logging.ERROR and record.name not in _TOLD_ALREADY
        level: Level = "warning" if is_news else "debug"
        event("hydra.library.logged", level, library=record.name, text=record.getMessage())


class _Current:
    """The event log in force in this process."""

    log = EventLog()


def configure(
    style: Literal["human", "json"],
    level: Level,
    repeat_s: float = 60.0,
    stream: TextIO | None = None,
    now: Callable[[], datetime] | None = None,
    libraries: tuple[str, ...] = ("ib_async",),
) -> None:
    """Sets how this process writes events; until then only warnings are shown, for people."""
    _Current.log.flush()
    _Current.log = EventLog(style, level, repeat_s, stream, now)
    for name in libraries:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [_Bridge()], False


def event(name: str, level: Level = "info", *, error: BaseException | None = None, **fields: object) -> None:
    """Writes one event; `name` is `hydra.<noun>.<past>`, `error` adds its trace."""
    _Current.log.event(name, level, error, fields)


def flush() -> None:
    """At the end of a process: tells what repeated."""
    _Current.log.flush()


@contextmanager
def context(**fields: object) -> Iterator[None]:
    """Every event inside carries these fields (a session, a connection)."""
    import structlog

    with structlog.contextvars.bound_contextvars(**fields):
        yield


# --- secrets -------------------------------------------------------------------------------------------

_known_secrets: set[str] = set()


def hide(secret: str) -> None:
    """From now on this value appears in no event and in no saved trace."""
    if len(secret) >= _SECRET_CHARS_MIN:
        _known_secrets.add(secret)


def redact(text: str) -> str:
    """The text without the known secrets and without what looks like one."""
    for secret in sorted(_known_secrets, key=len, reverse=True):
        text = text.replace(secret, _MASK)
    for pattern in _SECRETS_IN_TEXT:
        text = pattern.sub(rf"\g<kept>{_MASK}", text)
    return text


def _without_secret_keys(_logger: Any, _method: str, fields: Any) -> dict[str, Any]:
    return {key: _masked(key, value) for key, value in fields.items()}


def _with_plain_times(_logger: object, _method: str, fields: Any) -> dict[str, Any]:
    """Instants and dates as ISO text, in both styles."""
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in fields.items()}


def _masked(key: str, value: object) -> object:
    if _SECRET_KEY.search(key):
        return _MASK
    if isinstance(value, Mapping):
        return {inner: _masked(str(inner), item) for inner, item in value.items()}
    return value


def _identity(name: str, level: Level, fields: dict[str, object]) -> object:
    """What makes two events the same: all but measured values and instants."""
    same = [(key, str(value)) for key, value in fields.items() if not isinstance(value, float | datetime)]
    return name, level, tuple(sorted(same))
