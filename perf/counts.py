"""Counts the calls of each operation to its dependencies, and the CPU time of its handlers, in this process.

The CPU time is the process's around the handler minus that inside the fakes. It includes code, marshalling and signing,
but neither the kernel's sockets nor TLS. All counts are from a warm process.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace

from perf.fixtures import Operation
from perf.gateway import JOURNAL
from perf.in_process_stack import InProcessStack, in_process_stack
from perf.operations import OPERATIONS
from perf.report import Table, number
from perf.transport_recorder import POST, REDIS, STORE

WARM_UPS = 2


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts of one operation. Trips are calls in sequence; parallel calls are one trip."""

    name: str
    store_trips: int
    store_calls: Mapping[str, int]
    other_calls: Mapping[str, int]
    redis_trips: int
    read_units: float
    write_units: float
    cpu_ms: float
    answer_bytes: int
    post_bytes: int
    log_bytes: int
    trips: int
    invoked: Mapping[str, int]


class OperationFailed(Exception):
    """An operation answered with an error, so its counts are useless."""


def count(of: InProcessStack, name: str, operation: Operation, *, repeats: int) -> Counted:
    """Run an operation `repeats` times after warming up. Raises OperationFailed.

    Memos that expire after a minute are cleared first, so that slow counting gives the same counts.
    """
    of.forget_answers()
    for turn in range(WARM_UPS):
        _once(of, name, operation, turn)
    gc.freeze()  # excludes the fixtures' objects from collections, which a real process would not have
    try:
        runs = [_once(of, name, operation, WARM_UPS + turn) for turn in range(repeats)]
    finally:
        gc.unfreeze()
    cpu_ms = statistics.median(run.cpu_ms for run in runs)
    # On a busy machine threads start so late that calls do not overlap, which counts as more trips: those of the fewest
    # are reported. Memos of a few seconds may expire in some runs: of the other counts the most frequent.
    fewest = min(run.store_trips for run in runs)
    runs = [run for run in runs if run.store_trips == fewest]
    (usual, _), *_ = Counter((run.redis_trips, run.write_units) for run in runs).most_common(1)
    last = [run for run in runs if (run.redis_trips, run.write_units) == usual][-1]
    return replace(last, cpu_ms=cpu_ms)


def _once(of: InProcessStack, name: str, operation: Operation, turn: int) -> Counted:
    operation.before(turn)
    JOURNAL.clear()
    with of.transport.listen() as traffic:
        cpu = time.process_time()
        reply = operation.run(turn)
        cpu = time.process_time() - cpu
    if not 200 <= reply.status < 300:
        raise OperationFailed(f"{name}: {reply.status} {reply.text[:300]}")
    kinds = traffic.kinds()
    store = Counter(call.operation for call in traffic.of(STORE))
    return Counted(
        name=name,
        store_trips=traffic.store_round_trips,
        store_calls=dict(store),
        other_calls=dict(kinds - store - Counter({REDIS: kinds[REDIS]})),
        redis_trips=kinds[REDIS],
        read_units=traffic.units.read,
        write_units=traffic.units.write,
        cpu_ms=(cpu - traffic.stubbed_cpu_s) * 1000,
        answer_bytes=reply.size,
        post_bytes=sum(call.sent_bytes for call in traffic.of(POST)),
        log_bytes=JOURNAL.log_bytes,
        trips=traffic.round_trips,
        invoked=dict(Counter(JOURNAL.invoked)),
    )


def count_all(
    names: Iterable[str], *, repeats: int, with_redis: bool = True, done: Callable[[str], None] = print
) -> list[Counted]:
    """Count the named operations on one stack."""
    found = []
    with in_process_stack(with_redis=with_redis) as of:
        for name in names:
            found.append(count(of, name, OPERATIONS[name](of), repeats=repeats))
            done(name)
    return found


def table(counted: Iterable[Counted]) -> Table:
    """The table of counted operations."""
    head = "operation", "store trips", "store calls", "other calls", "Redis trips", "RCU", "WCU", "CPU ms", "answer B"
    rows = [
        (
            each.name, str(each.store_trips), _listed(each.store_calls), _listed(each.other_calls),
            str(each.redis_trips), number(each.read_units), number(each.write_units), number(each.cpu_ms),
            str(each.answer_bytes),
        )
        for each in counted
    ]  # fmt: skip
    return Table("Counted operations (in process, warm, Redis present)", head, rows)


def _listed(calls: Mapping[str, int]) -> str:
    short = {name: name.removesuffix("Items").removesuffix("Item") for name in calls}
    return ", ".join(f"{short[name]} {times}" for name, times in sorted(calls.items())) or "-"


def as_json(counted: Iterable[Counted]) -> list[dict[str, object]]:
    return [asdict(each) for each in counted]
