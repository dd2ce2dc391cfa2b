"""Measures deliveries to many sockets, with and without a stuck one among them (R10).

It runs in process with a local server in place of `@connections`. The stuck socket is released when all others have
received the frame.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from infra.local.config import HOST
from kernel import parallel, sockets
from kernel.curl import Client
from perf.effort import Effort
from perf.in_process_stack import in_process_stack
from perf.report import Table, number
from realtime import delivery

SOCKETS = 100
STUCK = "c-0"
DELAY_AT_MOST_MS = 50
FRAME = '{"type":"typing","data":{}}'
PATIENCE_S = 20


@dataclass(frozen=True, slots=True)
class Delay:
    """The median time in ms until all sockets but one have a frame: with that one prompt, and with it stuck."""

    prompt_ms: float
    stuck_ms: float

    @property
    def added_ms(self) -> float:
        return self.stuck_ms - self.prompt_ms

    @property
    def within(self) -> bool:
        return self.added_ms < DELAY_AT_MOST_MS


class _Endpoint:
    """Accepts posts and records their times; with `hold`, those to `STUCK` wait."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._arrived: dict[str, float] = {}
        self._held = False

    def begin(self, *, hold: bool) -> None:
        with self._news:
            self._arrived, self._held = {}, hold

    def take(self, connection_id: str) -> None:
        with self._news:
            if connection_id == STUCK:
                self._news.wait_for(lambda: not self._held, PATIENCE_S)
            else:
                self._arrived[connection_id] = time.perf_counter()
                self._news.notify_all()

    def last_of(self, count: int) -> float:
        """Wait for this many posts and return the time of the last; releases the stuck socket."""
        with self._news:
            if not self._news.wait_for(lambda: len(self._arrived) == count, PATIENCE_S):
                raise RuntimeError(f"only {len(self._arrived)} of {count} sockets were posted to")
            self._held = False
            self._news.notify_all()
            return max(self._arrived.values())


def measure(*, repeats: int) -> Delay:
    """Deliver to all sockets, with and without a stuck one in alternation."""
    targets = {(f"usr_{n}", f"c-{n}"): [FRAME] for n in range(SOCKETS)}
    times: dict[bool, list[float]] = {False: [], True: []}
    with in_process_stack(), _serving() as endpoint:
        for turn in range(2 + 2 * repeats):  # the first two turns open connections and threads
            hold = bool(turn % 2)
            endpoint.begin(hold=hold)
            began = time.perf_counter()
            delivering = threading.Thread(target=delivery.deliver, args=(targets,))
            delivering.start()
            times[hold].append((endpoint.last_of(SOCKETS - 1) - began) * 1000)
            delivering.join(PATIENCE_S)
    return Delay(*(statistics.median(times[hold][1:]) for hold in (False, True)))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = SOCKETS


@contextmanager
def _serving() -> Iterator[_Endpoint]:
    endpoint = _Endpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            endpoint.take(self.path.rpartition("/")[2])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    server = _Server((HOST, 0), Handler)
    client = Client(parallel.MAX_AT_ONCE)
    changes = {
        "_http": lambda: client,
        "management_url": lambda: f"http://{HOST}:{server.server_address[1]}",
        "SOCKET_POST_TIMEOUT_S": PATIENCE_S,
    }
    before = {name: getattr(sockets, name) for name in changes}
    for name, value in changes.items():
        setattr(sockets, name, value)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield endpoint
    finally:
        for name, value in before.items():
            setattr(sockets, name, value)
        client.close()
        server.shutdown()
        server.server_close()


def table(delay: Delay) -> Table:
    """The table of the figures and the verdict."""
    head = "until the others have it", "nobody stuck ms", "one stuck ms", "added ms", f"< {DELAY_AT_MOST_MS} ms (R10)"
    row = (
        f"{SOCKETS - 1} of {SOCKETS} sockets", number(delay.prompt_ms), number(delay.stuck_ms), number(delay.added_ms),
        "yes" if delay.within else "NO",
    )  # fmt: skip
    return Table("A stuck socket among many (in process, loopback, medians)", head, [row])


def part(effort: Effort, _done: Callable[[str], None]) -> tuple[list[Table], dict[str, object]]:
    """The tables to print, and the figures to write."""
    delay = measure(repeats=effort.of(3, 30, 30))
    return [table(delay)], {**asdict(delay), "added_ms": delay.added_ms, "within": delay.within}
