"""The local cloud scans files if a clamd answers on this machine."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from infra.local import antivirus
from tests.support import clamd


@contextlib.contextmanager
def _something_that_says(answer: bytes | None) -> Iterator[int]:
    """The port of a server that gives everybody this answer, or none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []

        def serve() -> None:
            connection, _ = server.accept()
            held.append(connection)
            if answer is not None:
                connection.sendall(answer)
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)
        for connection in held:
            connection.close()


def test_a_clamd_that_answers_scans_the_files() -> None:
    with clamd.running() as present:
        assert antivirus.found(present.port) == f"clamd:127.0.0.1:{present.port}"
        assert antivirus.told(f"clamd:127.0.0.1:{present.port}") == f"clamd at 127.0.0.1:{present.port}"


def test_where_no_clamd_is_antivirus_is_off_and_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert antivirus.found(port) == "off"
    assert antivirus.told("off") == "off: no clamd at 127.0.0.1:3310"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"PO", b"", None])
def test_what_answers_otherwise_or_never_is_no_clamd(answer: bytes | None) -> None:
    began = time.monotonic()
    with _something_that_says(answer) as port:
        assert antivirus.found(port) == "off"
    assert time.monotonic() - began < 3
