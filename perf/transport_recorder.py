"""The network of the in-process measurements: every outgoing call is answered by fakes and recorded.

AWS calls are caught at botocore's `before-send` event, after all work that costs a function CPU (marshalling, signing)
and before the socket; moto answers them. Posts to sockets are caught in place of libcurl, Redis
calls at its connections. The fakes' CPU time is recorded separately (`Traffic.stubbed_cpu_s`), so that the caller can
subtract it. Each call takes `PAUSE_S` of time and no CPU, so that calls of parallel threads overlap as on a network.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import redis
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from kernel.curl import Exchange, Request
from kernel.parallel import MAX_AT_ONCE
from perf import fakes
from perf.capacity import Units
from perf.capacity_meter import CapacityMeter

T = TypeVar("T")
PAUSE_S = 0.003
STORE, POST, REDIS = "dynamodb", "post", "redis"


@dataclass(frozen=True, slots=True)
class Call:
    """An outgoing call: its service, operation, times, capacity units and bytes."""

    service: str
    operation: str
    began: float
    ended: float
    units: Units = field(default_factory=Units)
    sent_bytes: int = 0


def in_sequence(calls: Iterable[Call]) -> int:
    """The number of sequential calls: the longest chain of calls that do not overlap in time."""
    length, free_at = 0, float("-inf")
    for call in sorted(calls, key=lambda call: call.ended):
        if call.began >= free_at:
            length, free_at = length + 1, call.ended
    return length


@dataclass(slots=True)
class Traffic:
    """The recorded calls of one operation, and the CPU time that the fakes took."""

    calls: list[Call] = field(default_factory=list)
    stubbed_cpu_s: float = 0.0

    def of(self, service: str) -> list[Call]:
        return [call for call in self.calls if call.service == service]

    @property
    def store_round_trips(self) -> int:
        return in_sequence(self.of(STORE))

    @property
    def round_trips(self) -> int:
        return in_sequence(self.calls)

    @property
    def units(self) -> Units:
        return sum((call.units for call in self.calls), Units())

    def kinds(self) -> Counter[str]:
        """The number of calls by operation; posts and Redis have one operation each, named like the service."""
        return Counter(call.operation for call in self.calls)


class TransportRecorder:
    """Records calls into the `Traffic` that is listening at the time."""

    def __init__(self) -> None:
        self._listening: Traffic | None = None
        self._lock = threading.Lock()

    def install(self, session: Any) -> None:
        """Catch the calls of all clients that this botocore session makes from now on."""
        fakes.disconnect(session).register_first("before-send", self._aws)

    @contextmanager
    def listen(self) -> Iterator[Traffic]:
        """Record the calls inside the block."""
        self._listening = traffic = Traffic()
        try:
            yield traffic
        finally:
            self._listening = None

    def write_down(self, call: Call, cpu_s: float) -> None:
        with self._lock:
            if self._listening is not None:
                self._listening.calls.append(call)
                self._listening.stubbed_cpu_s += cpu_s

    def _aws(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        service, operation = event_name.split(".")[1:]
        began, cpu = time.perf_counter(), time.thread_time()
        if service == STORE and self._listening is not None:
            response, units = _weighed(operation, request)
        else:
            response, units = fakes.answer(request), Units()
        if operation == "TransactWriteItems" and response.status_code != 200:
            raise RuntimeError(f"a transaction failed, which the fake cannot undo here: {response.text}")
        if self._listening is not None:
            time.sleep(PAUSE_S)
        call = Call(service, operation, began, time.perf_counter(), units)
        self.write_down(call, time.thread_time() - cpu)
        return response


def _weighed(operation: str, request: Any) -> tuple[AWSResponse, Units]:
    """The answer to a call of DynamoDB, and its capacity units."""

    def ask(query: dict[str, Any]) -> Any:
        body = json.dumps(query).encode()
        return json.loads(fakes.answer(AWSPreparedRequest("POST", request.url, request.headers, body, False)).content)

    meter = CapacityMeter(ask)
    entry = meter.open(operation, json.loads(request.body))
    response = fakes.answer(request)
    return response, meter.close(entry, response.status_code, json.loads(response.content))


class SocketPool:
    """Replaces libcurl in `kernel.sockets`: accepts every post and records its size."""

    def __init__(self, transport: TransportRecorder) -> None:
        self._wire = transport

    def run(self, exchanges: Iterable[Exchange[T]]) -> list[T]:
        """As `kernel.curl.Client.run`; requests that are under way together begin and end together."""
        results: dict[int, T] = {}
        going: dict[int, Exchange[T]] = {}
        answered: dict[int, int] = {}
        waiting = enumerate(exchanges)
        while going := going | dict(islice(waiting, MAX_AT_ONCE - len(going))):
            asked: dict[int, Request] = {}
            for index, exchange in going.items():
                try:
                    asked[index] = exchange.send(answered.get(index))  # type: ignore[arg-type]  # None starts it
                except StopIteration as end:
                    results[index] = end.value
            going = {index: going[index] for index in asked}
            answered = dict.fromkeys(asked, 200)
            self._take(asked.values())
        return [results[index] for index in sorted(results)]

    def _take(self, requests: Collection[Request]) -> None:
        if requests:
            began, cpu = time.perf_counter(), time.thread_time()
            time.sleep(PAUSE_S)
            ended = time.perf_counter()
            for each in requests:
                call = Call(POST, POST, began, ended, sent_bytes=len(each.body))
                self._wire.write_down(call, time.thread_time() - cpu)
                cpu = time.thread_time()


def counted_redis(transport: TransportRecorder) -> type[redis.Connection]:
    """A connection class that records each round trip: one per command or pipeline."""

    class CallCounts(redis.Connection):
        def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            now = time.perf_counter()
            transport.write_down(Call(REDIS, REDIS, now, now), 0.0)
            super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]

    return CallCounts
