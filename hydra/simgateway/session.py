"""One client's connection: greeting, start, pacing, and the way out of every message.

A plain asyncio Protocol: it needs a transport with `write`, `close`, `abort` and `get_extra_info`, so it
runs over TCP and over in-memory transports alike.
"""

import asyncio
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, Any, Final, cast

from hydra.simgateway import messages
from hydra.simgateway.core import NO_REQUEST
from hydra.simgateway.faults import ORDER_KINDS
from hydra.simgateway.wire import FrameReader, WireError, whole, zoned_text

if TYPE_CHECKING:
    from hydra.simgateway.server import GatewayServer

START_API: Final = "71"
UNSENT_BYTES_MAX: Final = 32 << 20
OVER_LIMIT_MAX: Final = 50
_IN_USE: Final = "Unable to connect as the client id is already in use. Retry with a unique client id."
# What passes to a client while the servers are away; order reports wait, the rest is not sent at all.
_LOCAL_KINDS: Final = frozenset({"error", "nextValidId", "managedAccounts", "currentTime", "handshake"})
_NO_LINGER: Final = struct.pack("ii", 1, 0)


class Session(asyncio.Protocol):
    """A socket from its greeting to its end; after startApi it is the `ClientLink` of its client id."""

    def __init__(self, server: "GatewayServer") -> None:
        self.client_id = -1
        self.version = 0
        self.is_half_open = False
        self._server = server
        self._loop = server.loop
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._is_started = False
        self._is_ghost = False
        self._out: list[tuple[str, bytes]] = []
        self._held: list[tuple[str, bytes]] = []
        self._is_flush_due = False
        self._arrivals: deque[float] = deque()
        self._over_limit = 0

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_started(self) -> bool:
        return self._is_started

    def _is_frozen(self) -> bool:
        return self._server.faults.is_frozen(self.client_id if self._is_started else None)

    def _may_read(self) -> bool:
        return (self.is_open or self._is_ghost) and not self._is_frozen() and not self.is_half_open

    # --- asyncio.Protocol ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        raw: Any = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server.sessions[self] = None

    def data_received(self, data: bytes) -> None:
        if self.is_half_open:
            return
        self._reader.feed(data)
        self.read()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._out.clear()
        if self._is_frozen() and self._is_started and self._reader.pending_bytes:
            # A frozen process reads what lay in the socket when it wakes, though the client is long gone.
            self._is_ghost = True
        else:
            self._server.lost(self)

    # --- in ------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Handle every complete message in the buffer, unless frozen or closed on the way."""
        if not self._may_read():
            return
        self._server.advance()
        try:
            if not self.version and not self._greet():
                return
            for fields in self._reader.frames():
                self._take(fields)
                if not self._may_read():
                    break
        except WireError as problem:
            self._server.log("hydra.connection.closed", "warning", problem=str(problem))
            self.close()
        self._server.gateway.publish()
        self._server.schedule()
        if self._is_ghost:
            self._is_ghost = False
            self._server.lost(self)

    def _greet(self) -> bool:
        offered = self._reader.hello()
        if offered is None:
            return False
        settings = self._server.settings
        lowest, highest = offered
        version = min(settings.server_version, highest)
        if version < max(lowest, messages.SERVER_VERSION_MIN):
            raise WireError(f"a client that speaks versions {lowest} to {highest} only")
        self.version = version
        at_text = zoned_text(self._server.clock.now(), settings.iana_zone, settings.zone)
        self.send("handshake", messages.handshake(version, at_text))
        self.flush()
        return True

    def _take(self, fields: list[str]) -> None:
        if not self._is_started:
            if fields[0] == START_API:
                self._start(fields)
            return
        if self._is_over_limit():
            self._server.gateway.over_limit(self, fields)
            self._over_limit += 1
            if self._over_limit >= OVER_LIMIT_MAX:
                problem = "it ignores the limit of messages per second"
                self._server.log(
                    "hydra.connection.closed", "warning", client_id=self.client_id, problem=problem
                )
                self.flush()
                self.close()
            return
        self._server.gateway.handle(self, fields)

    def _start(self, fields: list[str]) -> None:
        try:
            client_id = whole(fields[2], "clientId")
        except (IndexError, WireError):
            raise WireError(f"no client id in {fields[:4]}") from None
        if self._server.is_taken(client_id):
            self.send("error", messages.error(NO_REQUEST, 326, _IN_USE, self.version))
            self.flush()
            self.close()
            return
        if len(self._server.gateway.core.links) >= self._server.settings.clients_max:
            raise WireError(f"client {client_id} is one more than {self._server.settings.clients_max}")
        self.client_id, self._is_started = client_id, True
        self._server.gateway.join(self)

    def _is_over_limit(self) -> bool:
        limit = self._server.settings.pacing_per_s
        if not limit:
            return False
        now, arrivals = self._loop.time(), self._arrivals
        while arrivals and now - arrivals[0] >= 1.0:
            arrivals.popleft()
        if len(arrivals) >= limit:
            return True
        arrivals.append(now)
        return False

    # --- out -----------------------------------------------------------------------------------------

    def send(self, kind: str, frame: bytes) -> None:
        """Queue one message, as far as the faults in force let it out."""
        if not self.is_open or self.is_half_open:
            return
        faults = self._server.faults
        if not faults.is_link_up and kind not in _LOCAL_KINDS:
            if kind in ORDER_KINDS:
                self._held.append((kind, frame))
            return
        if not faults.rules:
            self._queue(kind, frame, 1)
            return
        copies, late_s = faults.treatment(kind, self.client_id)
        if late_s:
            self._loop.call_later(late_s, self._queue, kind, frame, copies)
        else:
            self._queue(kind, frame, copies)

    def release_held(self) -> None:
        """The servers are back: what was held back goes out in its order."""
        held, self._held = self._held, []
        for kind, frame in held:
            self.send(kind, frame)

    def flush(self) -> None:
        """Put everything queued on the socket, in one write."""
        self._is_flush_due = False
        if not self._out or not self.is_open or self._is_frozen() or self.is_half_open:
            return
        batch, self._out = self._out, []
        faults = self._server.faults
        if faults.reorder_left and sum(kind in ORDER_KINDS for kind, _ in batch) > 1:
            faults.reorder_left -= 1
            batch = _turned(batch)
        data = b"".join(frame for _, frame in batch)
        transport = self._transport
        assert transport is not None
        if faults.is_splitting:
            for at in range(len(data)):
                transport.write(data[at : at + 1])
        else:
            transport.write(data)
        if transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            problem = "it does not read what it is sent"
            self._server.log("hydra.connection.aborted", "warning", client_id=self.client_id, problem=problem)
            transport.abort()

    def close(self) -> None:
        """End the connection by FIN; what is queued and not yet flushed is lost."""
        if self._transport is not None:
            self._out.clear()
            self._transport.close()

    def reset(self) -> None:
        """End the connection by RST."""
        if self._transport is not None:
            raw: Any = self._transport.get_extra_info("socket")
            if raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._out.clear()
            self._transport.abort()

    def _queue(self, kind: str, frame: bytes, copies: int) -> None:
        if not self.is_open or self.is_half_open:
            return
        self._out.extend([(kind, frame)] * copies)
        if not self._is_flush_due:
            self._is_flush_due = True
            wait_s = self._server.faults.coalesce_s
            if wait_s:
                self._loop.call_later(wait_s, self.flush)
            else:
                self._loop.call_soon(self.flush)


def _turned(batch: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The batch with its order messages in reverse, everything else in its place."""
    turned = [item for item in batch if item[0] in ORDER_KINDS]
    return [turned.pop() if item[0] in ORDER_KINDS else item for item in batch]
