"""The control channel: JSON lines over loopback TCP, with a token that only the file's owner can read."""

import asyncio
import hmac
import json
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from hydra.domain.errors import HydraError, Unavailable, UserError

CONTROL_NAME: Final = "control.json"
ANSWER_WAIT_S: Final = 10.0
_LINE_BYTES_MAX: Final = 1 << 16

Answer = dict[str, object]
Handler = Callable[[str, Mapping[str, object]], Answer]


class ControlServer:
    """Answers `{"token", "command", ...}` with `{"ok", ...}`, one JSON object a line."""

    def __init__(self, state_dir: Path, handler: Handler) -> None:
        self._path = state_dir / CONTROL_NAME
        self._handler = handler
        # Not part of any simulated behaviour, so it may differ from run to run.
        self._token = secrets.token_hex(16)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LINE_BYTES_MAX)
        port = self._server.sockets[0].getsockname()[1]
        write_private(self._path, json.dumps({"port": port, "token": self._token}))

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write((json.dumps(self._answer(line)) + "\n").encode())
                await writer.drain()
        except (ValueError, OSError):
            pass
        finally:
            writer.close()

    def _answer(self, line: bytes) -> Answer:
        try:
            request = json.loads(line)
            token, command = str(request.pop("token")), str(request.pop("command"))
        except (ValueError, KeyError, AttributeError, TypeError):
            return {"ok": False, "code": "", "error": "not a request"}
        if not hmac.compare_digest(token, self._token):
            return {"ok": False, "code": "", "error": "wrong token"}
        try:
            return {"ok": True, **self._handler(command, request)}
        except HydraError as error:
            return {"ok": False, "code": error.code, "values": _texts(error.values), "error": str(error)}


def call(state_dir: Path, command: str, arguments: Mapping[str, object]) -> Answer:
    """One request to the gateway of a state directory; Unavailable if none answers, UserError as it says."""
    try:
        control = json.loads((state_dir / CONTROL_NAME).read_text())
        request = {"token": control["token"], "command": command, **arguments}
        with socket.create_connection(("127.0.0.1", control["port"]), timeout=ANSWER_WAIT_S) as link:
            link.sendall((json.dumps(request) + "\n").encode())
            with link.makefile("rb") as lines:
                answer: Answer = json.loads(lines.readline())
    except (OSError, ValueError, KeyError) as error:
        problem = getattr(error, "strerror", None) or "it gave no answer"
        raise Unavailable("HY-208", path=state_dir, problem=problem) from error
    if not answer.get("ok"):
        raise _refusal(state_dir, answer)
    return answer


def write_private(path: Path, text: str) -> None:
    """A file only its owner reads, there wholly or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text + "\n")
    fresh.replace(path)


def _refusal(state_dir: Path, answer: Answer) -> HydraError:
    values = answer.get("values")
    if answer.get("code") and isinstance(values, dict):
        return UserError(str(answer["code"]), **values)
    return Unavailable("HY-208", path=state_dir, problem=answer.get("error"))


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}
