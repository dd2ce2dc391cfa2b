"""A clamd on the loopback that finds the word `virus`, with the protocol of clamd(8): zPING and zINSTREAM."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Clamd:
    """The server's port, and each stream that it received."""

    port: int
    heard: list[bytes] = field(default_factory=list)

    def answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            command = b"".join(iter(lambda: stream.read(1), b"\0"))
            if command == b"zPING":
                connection.sendall(b"PONG\0")
                return
            assert command == b"zINSTREAM"
            pieces = []
            while length := int.from_bytes(stream.read(4), "big"):
                pieces.append(stream.read(length))
            self.heard.append(b"".join(pieces))
            connection.sendall(b"stream: Eicar FOUND\0" if b"virus" in self.heard[-1] else b"stream: OK\0")


@contextlib.contextmanager
def running() -> Iterator[Clamd]:
    """A clamd until the end of the block; it serves one connection at a time."""
    with socket.create_server((HOST, 0)) as server:
        clamd = Clamd(server.getsockname()[1])

        def serve() -> None:
            with contextlib.suppress(OSError):  # closed: the block has ended
                while True:
                    clamd.answer(server.accept()[0])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield clamd
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
