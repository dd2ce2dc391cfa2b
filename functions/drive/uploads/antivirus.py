"""The antivirus port: GuardDuty's tag on the object in AWS, clamd where one is configured, else off.

ANTIVIRUS is `off`, `guardduty`, or `clamd:HOST:PORT`. Off is said in the line of each inspection (`AntivirusOff`).
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
CLAMD_TIMEOUT_S = 20.0  # clamd answers after the last byte, when it has looked at all of them
_PIECE = 1024 * 1024


class Scanner(Protocol):
    """Looks at a file while its bytes pass by."""

    def feed(self, chunk: bytes) -> None: ...

    def verdict(self, blob: Blob) -> Verdict: ...


class Off:
    """No antivirus is configured."""

    def feed(self, chunk: bytes) -> None:
        """Nothing looks."""

    def verdict(self, blob: Blob) -> Verdict:
        del blob
        telemetry.count("AntivirusOff")
        return "clean"


class GuardDuty:
    """GuardDuty Malware Protection for S3 scans by itself and tags the object; until then the machine waits."""

    def feed(self, chunk: bytes) -> None:
        """GuardDuty reads the bucket itself."""

    def verdict(self, blob: Blob) -> Verdict:
        status = blobs.tags(blob).get(GUARDDUTY_TAG)
        if status is None:
            return "pending"
        return "clean" if status == "NO_THREATS_FOUND" else "infected"  # unscannable is not trusted either


class Clamd:
    """A clamd of one's own (`INSTREAM`, clamd(8)). A file above its StreamMaxLength is refused as unscannable."""

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
            self._refused = True  # it closes the stream at its limit; its answer says so

    def verdict(self, blob: Blob) -> Verdict:
        del blob  # it has seen every byte
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
    """What this deployment scans with."""
    kind, _, where = config().antivirus.partition(":")
    if kind == "off":
        return Off()
    if kind == "guardduty":
        return GuardDuty()
    host, _, port = where.rpartition(":")
    if kind != "clamd" or not host or not port.isdigit():
        raise ConfigurationError("ANTIVIRUS must be off, guardduty or clamd:HOST:PORT")
    return Clamd(host, int(port))
