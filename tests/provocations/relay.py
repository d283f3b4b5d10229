"""A relay before a real gateway that tells its clients another account: the only word it changes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def relayed(port: int, word: bytes, other: bytes) -> Iterator[int]:
    """The relay's port; `word` becomes `other`, of the same length, in what the gateway sends."""
    assert len(word) == len(other)
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        threading.Thread(target=_serve, args=(server, port, word, other), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket, port: int, word: bytes, other: bytes) -> None:
    with suppress(OSError):
        while True:
            client, _ = server.accept()
            gateway = socket.create_connection(("127.0.0.1", port))
            for way in ((client, gateway, other, word), (gateway, client, word, other)):
                threading.Thread(target=_pass, args=way, daemon=True).start()


def _pass(source: socket.socket, sink: socket.socket, word: bytes, said: bytes) -> None:
    """A word cut in two by the stream is held back until it is whole."""
    held = b""
    with suppress(OSError), source, sink:
        while piece := source.recv(1 << 16):
            held = (held + piece).replace(word, said)
            keep = next((n for n in range(len(word) - 1, 0, -1) if held.endswith(word[:n])), 0)
            sink.sendall(held[: len(held) - keep])
            held = held[len(held) - keep :]
        sink.shutdown(socket.SHUT_RDWR)
