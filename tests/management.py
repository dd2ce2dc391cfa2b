"""A stand-in for API Gateway's `@connections` on the loopback: what is posted, and sockets that misbehave."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import pytest

from kernel import sockets


class Management:
    """The management endpoint. `status` and `delay_s` say how a connection behaves, else it takes every post."""

    def __init__(self) -> None:
        self.status: dict[str, int] = {}
        self.delay_s: dict[str, float] = {}
        self.posts: dict[str, list[bytes]] = defaultdict(list)
        self.closed: list[str] = []
        self.calls: list[tuple[str, str]] = []
        self.released = threading.Event()
        self.lock = threading.Condition()
        self.url = ""

    def frames(self, connection_id: str) -> list[dict[str, Any]]:
        """What a socket has received, batches unpacked."""
        found: list[dict[str, Any]] = []
        for post in self.posts[connection_id]:
            frame = json.loads(post)
            found += frame["events"] if frame["type"] == "batch" else [frame]
        return found

    def kinds(self, connection_id: str) -> list[str]:
        """The types of the frames that a socket has received."""
        return [frame["type"] for frame in self.frames(connection_id)]

    def becomes(self, state: Callable[[], bool]) -> bool:
        """Whether what has been called or received comes to this; waits for it, half a minute at most."""
        with self.lock:
            return self.lock.wait_for(state, 30)

    def tried(self, connection_id: str) -> int:
        """How many posts were tried."""
        return self.calls.count(("POST", connection_id))


def _handler(state: Management) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            connection_id = unquote(self.path.rpartition("/")[2])
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with state.lock:
                state.calls.append((self.command, connection_id))
                state.lock.notify_all()
            deadline = time.monotonic() + state.delay_s.get(connection_id, 0.0)
            state.released.wait(max(0.0, deadline - time.monotonic()))
            status = state.status.get(connection_id, 200)
            with state.lock:
                if status == 200 and self.command == "POST":
                    state.posts[connection_id].append(body)
                    state.lock.notify_all()
                elif self.command == "DELETE":
                    state.closed.append(connection_id)
            try:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                self.close_connection = True  # the sender has given up

        do_POST = do_DELETE = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing to the console."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that has given up is no news."""


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Management]:
    """Posts of this process go to a server of this test's own."""
    state = Management()
    server = _Server(("127.0.0.1", 0), _handler(state))
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(sockets, "management_url", lambda: state.url)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.released.set()
        sockets._http().close()
        server.shutdown()
        server.server_close()
        thread.join(5)
