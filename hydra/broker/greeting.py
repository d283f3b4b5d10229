"""What answers at an address: the first words of the TWS protocol, nothing a gateway would act on."""

import socket
import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HELLO: Final = b"API\0" + struct.pack(">I", 9) + b"v157..178"
_ANSWER_BYTES_MAX: Final = 4096


class Answer(StrEnum):
    """How an address answered."""

    REFUSED = "REFUSED"  # nothing listens
    UNREACHED = "UNREACHED"  # no answer to the connect at all, or no such name
    CLOSED = "CLOSED"  # accepted, then closed without a word
    SILENT = "SILENT"  # accepted, then nothing
    FOREIGN = "FOREIGN"  # another protocol
    TWS = "TWS"


@dataclass(frozen=True, slots=True)
class Greeting:
    """One address's answer; `detail` is the server version, the foreign words, or the system's problem."""

    answer: Answer
    detail: str


def greet(host: str, port: int, timeout_s: float) -> Greeting:
    """Connect, say hello, hang up; never raises."""
    try:
        connection = socket.create_connection((host, port), timeout_s)
    except ConnectionRefusedError as problem:
        return Greeting(Answer.REFUSED, problem.strerror or "refused")
    except OSError as problem:
        return Greeting(Answer.UNREACHED, problem.strerror or str(problem))
    with connection:
        try:
            connection.sendall(HELLO)
            told = connection.recv(_ANSWER_BYTES_MAX)
        except TimeoutError:
            return Greeting(Answer.SILENT, f"nothing within {timeout_s:g} s")
        except OSError as problem:
            return Greeting(Answer.CLOSED, problem.strerror or str(problem))
    return _read(told)


def _read(told: bytes) -> Greeting:
    if not told:
        return Greeting(Answer.CLOSED, "closed without a word")
    version = told[4:].split(b"\0")[0]
    if len(told) > 4 and struct.unpack(">I", told[:4])[0] == len(told) - 4 and version.isdigit():
        return Greeting(Answer.TWS, version.decode())
    words = told[:40].decode("ascii", "replace").splitlines()[0]
    return Greeting(Answer.FOREIGN, words)
