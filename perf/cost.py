"""The cost of a million messages in AWS: counted operations times published prices (perf/prices.json).

Counted: capacity units, invocations, posts, queue calls, log lines, bytes. Assumed, and printed: the duration of calls
in AWS, the number of sockets per person. Omitted: storage, free tiers, idle polling of the queue.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from perf.counts import Counted, count
from perf.fixtures import Operation, conversation, say, say_on_socket
from perf.in_process_stack import in_process_stack
from perf.operations import fan_out
from perf.operations.search import dispatch
from perf.report import Table, number
from perf.template import functions
from perf.transport_recorder import POST

SIZES = (2, 10, 50, 200)
MILLION = 1_000_000
GB = 10**9
FULL_CORE_MB = 1769  # Lambda gives one virtual processor at this memory, and a share below it
MINUTES_A_MONTH = 30 * 24 * 60


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Values that cannot be counted here."""

    sockets_per_member: float = 1.3  # open sockets per member when a message is sent
    round_trip_ms: float = 6.0  # one AWS call inside the Region
    redis_round_trip_ms: float = 1.0
    call_cpu_ms: float = 0.3  # CPU of socket and TLS per AWS call, which is not counted here
    processor: str = "x86_64"


@dataclass(frozen=True, slots=True)
class Bill:
    """US dollars per million messages, by service."""

    dynamodb: float
    compute: float
    gateway: float
    queue: float
    logs: float
    data_out: float

    @property
    def total(self) -> float:
        return float(sum(asdict(self).values()))

    @property
    def of_gateway(self) -> float:
        """The total as a multiple of API Gateway's part, which any implementation has to pay."""
        return self.total / self.gateway

    @property
    def observing(self) -> float:
        """The part for logs, with the metrics in them; nothing that a message calls is traced unless TraceCode=on."""
        return self.logs

    def __add__(self, other: Bill) -> Bill:
        mine, theirs = asdict(self), asdict(other)
        return Bill(**{name: mine[name] + theirs[name] for name in mine})


@lru_cache(maxsize=1)
def prices() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(__file__).with_name("prices.json").read_text())
    return found


def bill(counted: Counted, assumed: Assumptions, *, front: float) -> Bill:
    """The bill of a million executions of an operation; `front` is the price of the client's own request."""
    of = prices()
    invocations = sum(counted.invoked.values())
    posts, post_bytes = counted.other_calls.get(POST, 0), counted.post_bytes
    units = -(-post_bytes // max(1, posts) // of["socket_message_bytes"]) * posts  # its posts have equal sizes
    taken = sum(count for name, count in counted.invoked.items() if functions()[name].serves_queue)
    queue_calls = counted.other_calls.get("SendMessageBatch", 0) + 2 * taken  # one to receive, one to delete
    per_message = Bill(
        dynamodb=counted.write_units * of["dynamodb_write_unit"] + counted.read_units * of["dynamodb_read_unit"],
        compute=invocations * of["lambda_request"]
        + gb_seconds(counted, assumed) * of["lambda_gb_second"][assumed.processor],
        gateway=front + units * of["socket_message"],
        queue=queue_calls * of["sqs_request"],
        logs=counted.log_bytes / GB * of["log_gb"],
        data_out=(post_bytes + counted.answer_bytes) / GB * of["data_out_gb"],
    )
    return Bill(**{name: value * MILLION for name, value in asdict(per_message).items()})


def gb_seconds(counted: Counted, assumed: Assumptions) -> float:
    """Billed memory times duration: waiting, and CPU time at the share of a processor that the memory gives."""
    if not counted.invoked:
        return 0.0
    memory_mb = max(functions()[name].memory_mb for name in counted.invoked)
    calls = sum(counted.store_calls.values()) + sum(counted.other_calls.values())
    cpu_ms = (counted.cpu_ms + calls * assumed.call_cpu_ms) * max(1.0, FULL_CORE_MB / memory_mb)
    redis_ms = counted.redis_trips * assumed.redis_round_trip_ms
    waiting_ms = (counted.trips - counted.redis_trips) * assumed.round_trip_ms + redis_ms
    return (cpu_ms + waiting_ms) / 1000 * memory_mb / 1024


def measure(
    assumed: Assumptions, *, repeats: int, sizes: Iterable[int] = SIZES, done: Callable[[str], None] = print
) -> dict[tuple[str, int], Bill]:
    """The bill by way of sending and size of the group, with fan-out, dispatch and search index, without notifications.

    Messages come one at a time: in batches, queues and functions cost less for each.
    """
    of = prices()
    fronts = {"HTTP": of["rest_request"], "socket": 2 * of["socket_message"]}  # the frame and its acknowledgement
    found = {}
    for size in sizes:
        sockets = round(size * assumed.sockets_per_member)
        with in_process_stack() as on:
            spread = bill(count(on, "fan-out", fan_out(size, on, sockets), repeats=repeats), assumed, front=0.0)
            dispatched = bill(count(on, "dispatch", dispatch(on), repeats=repeats), assumed, front=0.0)
            for way, send in (("HTTP", say), ("socket", say_on_socket)):
                conversation_id, people = conversation(on, size, sockets)
                operation = Operation(partial(send, people[0], conversation_id))
                sent = bill(count(on, way, operation, repeats=repeats), assumed, front=fronts[way])
                found[way, size] = sent + spread + dispatched
        done(f"group of {size}")
    return found


def table(bills: dict[tuple[str, int], Bill], assumed: Assumptions) -> Table:
    """The table of US dollars per million messages."""
    of = prices()
    head = (
        "sent by",
        "members",
        "total $",
        "× gateway",
        "observing %",
        *(name.replace("_", " ") for name in Bill.__slots__),
    )
    rows = [
        (
            way,
            str(size),
            number(each.total),
            number(each.of_gateway),
            number(100 * each.observing / each.total),
            *(number(value) for value in asdict(each).values()),
        )
        for (way, size), each in sorted(bills.items(), key=lambda item: (item[0][0], item[0][1]))
    ]
    month = MINUTES_A_MONTH * of["socket_connection_minute"]
    notes = (
        f"Prices of {of['region']} as noted on {of['noted_on']}, without free tiers. Assumed: "
        + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in asdict(assumed).items())
        + ".",
        f"A socket that is always open costs ${month:.4f} a month, whatever is sent.",
    )
    return Table("US dollars per million messages of 100 characters", head, rows, notes)


def as_json(bills: dict[tuple[str, int], Bill]) -> list[dict[str, Any]]:
    return [
        {"sent_by": way, "members": size, "total": each.total, "observing": each.observing, **asdict(each)}
        for (way, size), each in bills.items()
    ]
