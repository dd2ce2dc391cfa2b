"""A server that accepts connections and never answers: a dependency that hangs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from kernel import aws, cache, config, dynamo, sockets


@dataclass(slots=True)
class Silence:
    """The server's address, and the connections that it has accepted."""

    url: str
    taken: list[socket.socket] = field(default_factory=list)


@contextmanager
def silence() -> Iterator[Silence]:
    """Listen on the loopback and never answer."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    here = Silence(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def take() -> None:
        while True:
            try:
                here.taken.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in here.taken:
            connection.close()
        thread.join(5)


@contextmanager
def hanging(settings: pytest.MonkeyPatch, *variables: str) -> Iterator[Silence]:
    """Point these variables of the environment (`AWS_ENDPOINT_URL_S3`) to a server that hangs."""
    with silence() as server:
        for name in variables:
            scheme = "redis" if name == "REDIS_URL" else "http"
            settings.setenv(name, server.url.replace("http", scheme, 1))
        _forget()
        try:
            yield server
        finally:
            for name in variables:
                settings.delenv(name)
            _forget()


def _forget() -> None:
    for cached in (config.config, aws.client, dynamo.connection, sockets._http, cache._redis):
        cached.cache_clear()
