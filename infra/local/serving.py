"""Serves MiniStack by uvicorn with httptools and uvloop, which are written in C, instead of hypercorn with h11.

A request costs the server 0.1 ms of CPU time instead of 0.5, and a message makes eight. WebSockets are framed by the
same library as before (wsproto). The head of an answer is written with the beginning of its body: two writes wake the
caller up twice, who on a busy machine takes the processor from the server to find half an answer. What is there after
the start is left out of garbage collections, of which each full one stopped all requests for 0.2 s.
"""

import gc
import importlib
import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from infra.local.patching import wrap

KEEP_ALIVE_S = 75  # as MiniStack sets it
GRACE_S = 3  # for open requests when it is stopped


class _Transport:
    """Keeps what is written, until it is flushed or closed."""

    def __init__(self, transport: Any, kept: bytes) -> None:
        self._transport, self.kept = transport, kept

    def write(self, data: bytes) -> None:
        self.kept += data

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        if self.kept:
            self._transport.write(self.kept)
        self.kept = b""


class JoinedAnswer(RequestResponseCycle):
    """An answer whose head is sent with the first part of its body."""

    _head = b""

    async def send(self, message: Any) -> None:
        transport: Any = self.transport
        kept: Any = _Transport(transport, self._head)
        self.transport = kept
        try:
            await super().send(message)
        finally:
            self.transport = transport
        if message["type"] == "http.response.start":
            self._head = kept.kept
        else:
            self._head = b""
            kept.flush()


class LastingStart(uvicorn.Server):
    """A server that takes what exists when it has started for good."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()


def serve() -> None:
    """Serve until a signal asks to end; the state is saved then."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS shows no upper limit, and refuses to set none
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # sockets and pipes of functions, as MiniStack does
    wrap("uvicorn.protocols.http.httptools_impl", "RequestResponseCycle", lambda _: JoinedAnswer)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises the signal anew when it has ended
    config = uvicorn.Config(
        importlib.import_module("ministack.app").app,
        host=os.environ["BIND_HOST"],
        port=int(os.environ["GATEWAY_PORT"]),
        loop="uvloop",
        http="httptools",
        ws="wsproto",
        ws_ping_interval=None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,  # MiniStack sends it
    )
    server = LastingStart(config)
    server.run()
    if not server.started:
        sys.exit(1)
