"""Ten thousand pushes through the running local cloud: message, stream, queues, functions, push service.

In each of several groups a person sends one message, and all others are away with several browsers. Measured are the
seconds from the first message to the last push, and the memory of the push function's processes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perf import budgets
from perf.budgets import Budget
from perf.effort import Effort
from perf.pushes import push_service
from perf.report import Table, number
from perf.running.addresses import Addresses
from perf.running.load_clients import LoadPerson, in_parallel, newcomer

PEOPLE, DEVICES = 100, 4
GROUPS = 25
PATIENCE_S = 180.0
QUIET_S = 3.0  # wait after the last push for duplicates, which would be errors
WORKER = "-Push-"  # part of the command line of the push function's processes
BUDGETS = (
    Budget("10,000 pushes by the queues", "seconds", at_most=60),
    Budget("10,000 pushes by the queues", "more memory after the first tenth, MB", at_most=16),
)


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """The seconds for all pushes, and the largest memory (MB) of a push process up to a tenth of them and after."""

    pushes: int
    arrived: int
    seconds: float
    memory_first_mb: float
    memory_most_mb: float

    @property
    def grown_mb(self) -> float:
        return self.memory_most_mb - self.memory_first_mb


async def _measure(addresses: Addresses, url: str, groups: int, done: Callable[[str], None]) -> QueueLoad:
    sender = await newcomer(addresses.http_url)
    away = await in_parallel(PEOPLE, lambda _: newcomer(addresses.http_url))
    body = {"type": "group", "name": "Away", "member_ids": [each.id for each in away]}
    chats = [str((await sender.call("POST", "/conversations", body))["id"]) for _ in range(groups + 1)]
    await in_parallel(PEOPLE, lambda n: _invited(away[n], len(chats)))  # before any device could get a push for it
    await _register(away, url)
    done(f"{PEOPLE * DEVICES} devices in {groups} groups")
    await _say(sender, [chats.pop()])  # its pushes start the processes of the function
    await asyncio.to_thread(_wait_for, PEOPLE * DEVICES, url, addresses)
    before = push_service.arrivals(url).count
    pushes = PEOPLE * DEVICES * groups
    began = time.monotonic()
    sending = asyncio.create_task(_say(sender, chats))
    first = await asyncio.to_thread(_wait_for, before + pushes // 10, url, addresses)
    most = await asyncio.to_thread(_wait_for, before + pushes, url, addresses)
    await sending
    await asyncio.sleep(QUIET_S)
    found = push_service.arrivals(url)
    for each in (sender, *away):
        await each.leave()
    return QueueLoad(pushes, found.count - before, found.last - began, first, most)


async def _register(away: list[LoadPerson], url: str) -> None:
    keys = push_service.keys()

    async def of(number: int) -> None:
        who = away[number]
        for n in range(DEVICES):
            body = push_service.device(f"{url}/{who.id}/{n}", keys)
            await who.call("PUT", f"/devices/browser{n}", body)

    await in_parallel(len(away), of)


async def _invited(who: LoadPerson, times: int) -> None:
    """Wait until a person has been notified of this many invitations."""
    for _ in range(int(PATIENCE_S)):
        if (await who.call("GET", "/notifications?limit=1"))["unread_count"] >= times:
            return
        await asyncio.sleep(1)
    raise TimeoutError("invitations are not told")


async def _say(sender: LoadPerson, chats: list[str]) -> None:
    for chat in chats:
        await sender.say(chat)


def _wait_for(count: int, url: str, addresses: Addresses) -> float:
    """Wait for this many pushes, within a limit; returns the largest memory (MB) of a push process meanwhile."""
    most, until = _memory_mb(addresses), time.monotonic() + PATIENCE_S
    while push_service.arrivals(url).count < count and time.monotonic() < until:
        time.sleep(0.1)
        most = max(most, _memory_mb(addresses))
    return most


def _memory_mb(addresses: Addresses) -> float:
    """The memory of the largest process of the push function in MB."""
    sizes = [0.0]
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if WORKER not in status.with_name("cmdline").read_text():
                continue
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:  # the process has ended
            continue
        if int(fields["PPid"]) in addresses.servers and "VmRSS" in fields:
            sizes.append(int(fields["VmRSS"].split()[0]) / 1_024)
    return max(sizes)


def part(addresses: Addresses, effort: Effort, done: Callable[[str], None]) -> tuple[list[Table], dict[str, Any]]:
    """The tables to print, and the figures to write."""
    groups = effort.of(3, 6, GROUPS)
    with push_service.serving() as url:
        load = asyncio.run(_measure(addresses, url, groups, done))
    done(f"{load.arrived} pushes")
    figures = {
        "seconds": load.seconds * PEOPLE * DEVICES * GROUPS / load.pushes,
        "more memory after the first tenth, MB": load.grown_mb,
    }
    verdicts = [each.judge(figures[each.figure]) for each in BUDGETS]
    rows = [
        ("pushes, and those that arrived", f"{load.pushes} / {load.arrived}"),
        ("seconds from the first message to the last push", number(load.seconds)),
        ("pushes/s", number(load.arrived / load.seconds)),
        ("memory of a push process after a tenth, MB", number(load.memory_first_mb)),
        ("the most from then on, MB", number(load.memory_most_mb)),
    ]
    tables = [
        Table(f"Pushes by the queues: {PEOPLE} people away, {DEVICES} browsers each", ("figure", "value"), rows),
        budgets.table("Pushes by the queues: budgets", verdicts, of="load", value="measured"),
    ]
    return tables, {**asdict(load), "budgets": budgets.as_json(verdicts)}
