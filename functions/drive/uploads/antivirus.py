"""The antivirus port: GuardDuty's tag on the object in AWS, a configured clamd, or off.

ANTIVIRUS is `off`, `guardduty`, or `clamd:HOST:PORT`. Inspections without antivirus are counted (`AntivirusOff`).
"""

from __future__ import annotations

import socket
from typing import Literal, Protocol

from kernel import blobs, telemetry
from kernel.blobs import Blob
from kernel.config import ConfigurationError, config
from kernel.errors import DependencyUnavailable

Verdict = Literal["clean", "infected", "pending"]
GUARDDUTY_TAG = "GuardDutyMalwareScanStatus"
CLAMD_TIMEOUT_S = 20.0  # clamd answers once it has scanned all bytes
_PIECE = 1024 * 1024


class Scanner(Protocol):
    """Scans a file as a stream of chunks."""

    def feed(self, chunk: bytes) -> None: ...

    def verdict(self, blob: Blob) -> Verdict: ...


class Off:
    """No antivirus is configured."""

    def feed(self, chunk: bytes) -> None:
        """Nothing is scanned."""

    def verdict(self, blob: Blob) -> Verdict:
        del blob
        telemetry.count("AntivirusOff")
        return "clean"


class GuardDuty:
    """GuardDuty Malware Protection for S3 scans by itself and tags the object; until then the state machine waits."""

    def feed(self, chunk: bytes) -> None:
        """GuardDuty reads the bucket itself."""

    def verdict(self, blob: Blob) -> Verdict:
        status = blobs.tags(blob).get(GUARDDUTY_TAG)
        if status is None:
            return "pending"
        return "clean" if status == "NO_THREATS_FOUND" else "infected"  # unscannable files are not trusted either


class Clamd:
    """A clamd of the deployment (`INSTREAM`, clamd(8)); files above its StreamMaxLength are refused as unscannable."""

    def __init__(self, host: str, port: int) -> None:
        self._refused = False
        try:
            self._socket = socket.create_connection((host, port), timeout=CLAMD_TIMEOUT_S)
            self._socket.sendall(b"zINSTREAM\0")
        except OSError as error:
            raise DependencyUnavailable from error

    def feed(self, chunk: bytes) -> None:
        try:
            for first in range(0, len(chunk), _PIECE):
                piece = chunk[first : first + _PIECE]
                self._socket.sendall(len(piece).to_bytes(4, "big") + piece)
        except OSError:
            self._refused = True  # clamd closes the stream at its limit, and its answer says so

    def verdict(self, blob: Blob) -> Verdict:
        del blob  # clamd has been fed all of it
        try:
            with self._socket:
                if not self._refused:
                    self._socket.sendall(bytes(4))
                answer = self._socket.recv(4096)
        except OSError as error:
            raise DependencyUnavailable from error
        if answer.startswith(b"stream: OK"):
            return "clean"
        if answer.endswith(b"FOUND\0") or b"size limit exceeded" in answer:
            return "infected"
        raise DependencyUnavailable


def scanner() -> Scanner:
    """The deployment's scanner; raises ConfigurationError."""
    kind, _, where = config().antivirus.partition(":")
    if kind == "off":
        return Off()
    if kind == "guardduty":
        return GuardDuty()
    host, _, port = where.rpartition(":")
    if kind != "clamd" or not host or not port.isdigit():
        raise ConfigurationError("ANTIVIRUS must be off, guardduty or clamd:HOST:PORT")
    return Clamd(host, int(port))
