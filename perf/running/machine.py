"""CPU use of this machine: by the local cloud with its functions, by the load generator, and by all other processes."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds within `wall_s`, and the load average before."""

    wall_s: float
    server_s: float
    client_s: float
    other_s: float
    load: float

    def share(self, seconds: float) -> float:
        """These seconds in percent of one processor."""
        return 100 * seconds / self.wall_s


def _times(pid: int) -> tuple[int, float] | None:
    """A process's parent, and its CPU seconds including those of ended children."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return int(fields[1]), sum(int(field) for field in fields[11:15]) / TICKS_PER_S


def _tree(roots: Sequence[int]) -> dict[int, float]:
    """These processes and all their descendants, with their CPU seconds."""
    children: dict[int, list[int]] = defaultdict(list)
    spent: dict[int, float] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (found := _times(int(entry.name))) is not None:
            children[found[0]].append(int(entry.name))
            spent[int(entry.name)] = found[1]
    tree: dict[int, float] = {}
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        tree[pid] = spent.get(pid, 0.0)
        waiting += children[pid]
    return tree


def cpu_of(roots: Sequence[int]) -> float:
    """CPU seconds of these processes and all their descendants."""
    return sum(_tree(roots).values())


def memory_of(roots: Sequence[int]) -> float:
    """Memory of these processes and all their descendants in MB; shared pages count in proportion (PSS in proc(5))."""
    return sum(_proportional_kb(pid) for pid in _tree(roots)) / 1024


def _proportional_kb(pid: int) -> int:
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:  # the process has ended
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


def _busy() -> float:
    """CPU seconds of the whole machine since it started, without idle and stolen time."""
    first = (PROC / "stat").read_text().partition("\n")[0]
    ticks = [int(field) for field in first.split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4] - ticks[7]) / TICKS_PER_S


class Meter:
    """Measures the usage within a block; afterwards it is in `usage`."""

    usage: Usage

    def __init__(self, servers: Sequence[int]) -> None:
        self._servers = servers

    def __enter__(self) -> Meter:
        self._load = os.getloadavg()[0]
        self._server, self._all = cpu_of(self._servers), _busy()
        self._client, self._began = time.process_time(), time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        wall = time.perf_counter() - self._began
        client = time.process_time() - self._client
        server = cpu_of(self._servers) - self._server
        other = max(0.0, _busy() - self._all - server - client)
        self.usage = Usage(wall, server, client, other, self._load)


def wait_for_quiet(limit_s: float, *, below: float = 0.2) -> None:
    """Wait, at most `limit_s`, for half a second in which the machine is nearly idle."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        before = _busy()
        time.sleep(0.5)
        if (_busy() - before) / 0.5 < below:
            return
