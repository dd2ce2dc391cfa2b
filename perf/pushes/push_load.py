"""Ten thousand pushes to a local push service: duration, memory, and cost in AWS.

The push function's handler gets batches like its queue's; reads and claims are moto's, encryption and posts are real.
On the running stack, `push_queue` measures the path through the queues, and `push_delay` the delays.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from kernel import clock, ids
from perf import budgets, cost, fakes, gateway
from perf.budgets import Budget
from perf.counts import count
from perf.effort import Effort
from perf.fixtures import create
from perf.in_process_stack import InProcessStack, in_process_stack
from perf.operations import notifications
from perf.operations.notifications import AWAY, register_at
from perf.people import newcomers
from perf.pushes import push_service
from perf.report import Table, number
from perf.template import ROOT

PUSHES = 10_000
PEOPLE = 25  # per job, as `notifications.push_jobs` makes them
JOBS_PER_BATCH = 5  # the queue's batch size (infra/notifications.yaml)
BUDGETS = (
    Budget("10,000 pushes", "seconds", at_most=60),
    Budget("10,000 pushes", "more memory after the first tenth, MB", at_most=16),
)


@dataclass(frozen=True, slots=True)
class Load:
    """The duration of all pushes in seconds, also of CPU, and the process's memory in MB."""

    pushes: int
    arrived: int
    seconds: float
    cpu_seconds: float
    memory_first_mb: float
    memory_last_mb: float
    slowest_job_ms: float
    job_ms: float

    @property
    def grown_mb(self) -> float:
        return self.memory_last_mb - self.memory_first_mb


def measure(pushes: int) -> Load:
    """Push to 25 people repeatedly, until there were `pushes` pushes."""
    with push_service.serving() as url, in_process_stack() as on, fakes.quick_reads():
        jobs = _jobs(on, url)
        _invoke([next(jobs)])  # warms up modules, connections and the signature
        times: list[float] = []
        first = 0.0
        began, cpu = time.perf_counter(), time.process_time()
        while len(times) * JOBS_PER_BATCH * PEOPLE < pushes:
            at = time.perf_counter()
            _invoke([next(jobs) for _ in range(JOBS_PER_BATCH)])
            times.append((time.perf_counter() - at) * 1_000 / JOBS_PER_BATCH)
            if not first and len(times) * JOBS_PER_BATCH * PEOPLE >= pushes / 10:
                first = _memory_mb()
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
        sent = len(times) * JOBS_PER_BATCH * PEOPLE
        arrived = push_service.arrivals(url).count - PEOPLE
        return Load(sent, arrived, seconds, cpu_seconds, first, _memory_mb(), max(times), median(times))


def _jobs(on: InProcessStack, url: str) -> Iterator[str]:
    """Jobs of the push queue with different ids: a message in a group of which 25 people are away."""
    sender, *away = newcomers(PEOPLE + 1)
    for each in away:
        register_at(each, f"{url}/{each.user_id}")
    conversation_id = create(sender, away)
    on.jobs("notifications")
    people = {each.user_id: "message" for each in away}
    while True:
        job = {"push": ids.new("evt"), "at": clock.now(), "tag": conversation_id, "conversation_id": conversation_id}
        yield json.dumps({**job, "people": people})


def _invoke(bodies: list[str]) -> None:
    event = deepcopy(json.loads((ROOT / "events/PushFunction.json").read_text()))
    record = event["Records"][0]
    event["Records"] = [{**record, "messageId": f"m{n}", "body": body} for n, body in enumerate(bodies)]
    answer = gateway.invoke("PushFunction", event)
    assert answer == {"batchItemFailures": []}, answer


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4_096 / 1_048_576


# --- cost -----------------------------------------------------------------------------------------------------


def dollars(repeats: int) -> dict[str, float]:
    """US dollars per million pushes: one message to 40 people of a group of 50, and to one in a direct conversation."""
    assumed, found = cost.Assumptions(), {}
    for name, size, away in (("group of 50, 40 away", 50, AWAY), ("direct conversation", 2, 1)):
        with in_process_stack() as on:
            told = count(on, "tell", notifications.tell(size, away, on), repeats=repeats)
            in_job = min(away, PEOPLE)
            pushed = count(on, "push", notifications.push(in_job, on), repeats=repeats)
            telling, pushing = (cost.bill(each, assumed, front=0.0).total for each in (told, pushed))
            found[name] = telling / away + pushing / in_job
    return found


# --- report ---------------------------------------------------------------------------------------------------


def part(effort: Effort, done: Callable[[str], None]) -> tuple[list[Table], dict[str, Any]]:
    """The tables to print, and the figures to write."""
    load = measure(effort.of(1_000, 3_000, PUSHES))
    done(f"{load.pushes} pushes")
    per_million = dollars(effort.of(3, 3, 9))
    figures = {
        "seconds": load.seconds * PUSHES / load.pushes,
        "more memory after the first tenth, MB": load.grown_mb,
    }
    verdicts = [each.judge(figures[each.figure]) for each in BUDGETS]
    rows = [
        ("pushes, and those that arrived", f"{load.pushes} / {load.arrived}"),
        ("seconds", number(load.seconds)),
        ("seconds of a processor, ours", number(load.cpu_seconds)),
        ("a job of 25, median ms", number(load.job_ms)),
        ("a job of 25, slowest ms", number(load.slowest_job_ms)),
        ("memory after a tenth, MB", number(load.memory_first_mb)),
        ("memory at the end, MB", number(load.memory_last_mb)),
    ]
    tables = [
        Table("Pushes: 25 people at once, Web Push over the loopback", ("figure", "value"), rows),
        budgets.table("Pushes: budgets", verdicts, of="load", value="measured"),
        Table(
            "US dollars per million pushes in AWS",
            ("pushed to", "dollars"),
            [(name, number(value)) for name, value in per_million.items()],
        ),
    ]
    kept = {**asdict(load), "dollars_per_million": per_million, "budgets": budgets.as_json(verdicts)}
    return tables, kept
