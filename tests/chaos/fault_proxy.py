"""A proxy between the functions and the local cloud that injects faults.

Existing tools do not fit: toxiproxy is a Go server for bytes, not requests, so it can neither break a single operation
of a service nor lose an answer after the write; `microburst` patches the client inside the tested process, and the
functions are other processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

HOST = "127.0.0.1"
SHUFFLED_OVER_S = 0.7  # concurrent requests are served in any order within this time; all callers wait longer
HELD_S = 30.0  # how long a hanging answer is held; no function waits that long
SERVICES = {
    "DynamoDB_20120810": "dynamodb",
    "AmazonSQS": "sqs",
    "AWSStepFunctions": "states",
    "secretsmanager": "secretsmanager",
}
PATHS = {"/@connections/": "connections", "/v2/email/": "ses", "/model/": "bedrock", "/push/": "webpush"}
THROTTLED = {"dynamodb": 400, "sqs": 400, "states": 400, "secretsmanager": 400, "s3": 503}  # 429 for all others
SLOW_S = 1.9  # just below the two seconds that functions wait for a store


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault for this share of a service's calls: `hang`, `slow`, `failing`, `throttled`, `lost` (done, but not
    answered), `doubled` (done twice), `shuffled` (each delayed, so in another order), `gone`."""

    service: str
    fault: str
    share: float = 1.0


@dataclass(slots=True)
class FaultProxy:
    """Runs in a thread of its own, in a `with` block. `rules` may change at any time; `hit` counts the injected faults.
    Requests for none of the `others` go to the cloud at `upstream_port`."""

    upstream_port: int
    seed: int
    others: Mapping[str, int] = field(default_factory=dict)  # ports of services outside of the cloud
    rules: list[Rule] = field(default_factory=list)
    hit: Counter[str] = field(default_factory=Counter)
    pushed: Counter[str] = field(default_factory=Counter)  # delivered pushes, by path
    port: int = 0
    _ready: threading.Event = field(default_factory=threading.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None
    _chance: random.Random = field(default_factory=random.Random)
    _clients: set[asyncio.Task[None] | None] = field(default_factory=set)  # asyncio itself keeps no task alive

    def __enter__(self) -> Self:
        self._chance = random.Random(self.seed)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._thread is not None
        loop = self._loop
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._client, HOST, 0, limit=2**20)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        with contextlib.suppress(asyncio.CancelledError):
            async with server:
                await server.serve_forever()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        this = asyncio.current_task()
        self._clients.add(this)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                request = await _message(reader)
                if upstream is None or upstream[0].at_eof():  # a client uses a connection for one service only
                    port = self.others.get(service_of(request), self.upstream_port)
                    upstream = await asyncio.open_connection(HOST, port, limit=2**20)
                if not await self._one(request, upstream, writer):
                    break
        for each in (writer, upstream[1] if upstream else None):
            if each is not None:
                each.close()
        self._clients.discard(this)

    async def _one(
        self,
        request: bytes,
        upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Serve one request; returns False when the connection is over."""
        service = service_of(request)
        fault = self._fault_for(service)
        if fault == "hang":
            await asyncio.sleep(HELD_S)
            return False
        if fault == "slow":
            await asyncio.sleep(SLOW_S)
        if fault == "shuffled":
            await asyncio.sleep(self._chance.uniform(0.0, SHUFFLED_OVER_S))
        refusal = _refusal(service, fault)
        if refusal is not None:
            writer.write(refusal)
            await writer.drain()
            return True
        for _ in range(2 if fault == "doubled" else 1):
            upstream[1].write(request)
            await upstream[1].drain()
            answer = await _message(upstream[0], head_only=request.startswith(b"HEAD "))
        if fault == "lost":
            return False
        if service == "webpush":
            self.pushed[request.split(b" ", 2)[1].decode()] += 1
        writer.write(answer)
        await writer.drain()
        return b"connection: close" not in answer.split(b"\r\n\r\n", 1)[0].lower()

    def _fault_for(self, service: str) -> str:
        for rule in self.rules:
            if rule.service == service and self._chance.random() < rule.share:
                self.hit[f"{service} {rule.fault}"] += 1
                return rule.fault
        return ""


def service_of(request: bytes) -> str:
    """The service of a request, by its target or its path."""
    head = request.split(b"\r\n\r\n", 1)[0].decode("latin-1")
    target = re.search(r"^x-amz-target: *([A-Za-z_0-9]+)\.", head, re.IGNORECASE | re.MULTILINE)
    if target:
        return SERVICES.get(target[1], target[1])
    line = head.split("\r\n", 1)[0]
    return next((service for path, service in PATHS.items() if path in line), "s3")


def _refusal(service: str, fault: str) -> bytes | None:
    """The answer of a service that fails in this way; None if the real service answers."""
    if fault == "failing":
        return _answer(500, "InternalServerError")
    if fault == "gone":
        return _answer(410, "GoneException")
    if fault == "throttled":
        name = "ProvisionedThroughputExceededException" if service == "dynamodb" else "ThrottlingException"
        return _answer(THROTTLED.get(service, 429), name)
    return None


def _answer(status: int, name: str) -> bytes:
    body = json.dumps({"__type": name, "message": "by the plan"}).encode()
    head = f"HTTP/1.1 {status} Fault\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n"
    return f"{head}x-amzn-errortype: {name}\r\n\r\n".encode() + body


async def _message(reader: asyncio.StreamReader, *, head_only: bool = False) -> bytes:
    """A complete request or answer with its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    if head_only or lowered.startswith((b"http/1.1 204", b"http/1.1 304")):
        return head
    found = re.search(rb"\r\ncontent-length: *(\d+)", lowered)
    if found:
        return head + await reader.readexactly(int(found[1]))
    if b"\r\ntransfer-encoding: chunked" not in lowered:
        return head
    body = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";", 1)[0], 16)
        body += line + await reader.readexactly(size + 2)
        if size == 0:
            return head + body
