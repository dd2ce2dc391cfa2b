"""The delay of a push from its message's commit to the push service, on the running local cloud.

Each message goes to another conversation, because several in one conversation cause only one alert.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median, quantiles
from typing import Any

from perf import budgets
from perf.budgets import Budget
from perf.effort import Effort
from perf.pushes import push_service
from perf.report import Table, number
from perf.running.addresses import Addresses
from perf.running.load_clients import in_parallel, newcomer

WARM_UP = 5
ARRIVAL_PATIENCE_S = 20.0
# The random pause between two messages, so that the delay is not that of a queue. A constant one would synchronize with
# the local cloud, which polls its streams every 0.3 s.
PAUSE_S = (0.2, 0.8)
BUDGET = Budget("message, commit to push service", "p50 ms", at_most=300)


def messages(effort: Effort) -> int:
    """How many messages are sent, each by another person."""
    return WARM_UP + effort.of(10, 20, 60)


class _Service:
    """A push service that records when a push arrives."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.at = 0.0

    def heard(self) -> None:
        self.at = time.perf_counter()
        self.came.set()


@contextmanager
def _serving(service: _Service) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            service.heard()
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


async def _measure(addresses: Addresses, url: str, service: _Service, count: int) -> list[float]:
    senders = await in_parallel(count, lambda _: newcomer(addresses.http_url), width=2)
    reader = await newcomer(addresses.http_url)
    await reader.call("PUT", "/devices/laptop", push_service.device(f"{url}/reader", push_service.keys()))
    directs = await in_parallel(
        count,
        lambda n: senders[n].call("POST", "/conversations", {"type": "direct", "member_ids": [reader.id]}),
    )
    chance, delays = random.Random(1), []
    for sender, made in zip(senders, directs, strict=True):
        service.came.clear()
        await sender.say(made["id"])
        committed = time.perf_counter()
        if not await asyncio.to_thread(service.came.wait, ARRIVAL_PATIENCE_S):
            raise TimeoutError("a push did not reach the push service")
        delays.append((service.at - committed) * 1_000)
        await asyncio.sleep(chance.uniform(*PAUSE_S))
    for person in (*senders, reader):
        await person.leave()
    return delays


def part(addresses: Addresses, effort: Effort, done: Callable[[str], None]) -> tuple[list[Table], dict[str, Any]]:
    """The tables to print, and the figures to write."""
    service = _Service()
    with _serving(service) as url:
        delays = asyncio.run(_measure(addresses, url, service, messages(effort)))[WARM_UP:]
    done(f"{len(delays)} pushes")
    p50, p95 = median(delays), quantiles(delays, n=20, method="inclusive")[-1]
    verdict = BUDGET.judge(p50)
    rows = [("p50 ms", number(p50)), ("p95 ms", number(p95)), ("slowest ms", number(max(delays)))]
    tables = [
        Table("Pushes: from the acknowledged message to the push service", ("figure", "value"), rows),
        budgets.table("Push delay: budget", [verdict], of="of", value="median"),
    ]
    return tables, {"p50_ms": p50, "p95_ms": p95, "budgets": budgets.as_json([verdict])}
