"""The log of a call in the local cloud ends with its mark, where there is a process that writes one."""

from __future__ import annotations

import queue
from typing import Any

import pytest

from infra.local.parity import workers


class Worker:
    """An execution environment with these lines of its log unread; `_proc` is None once its process has ended."""

    def __init__(self, *lines: str, process: object = "lives", runtime: str = "python3.13") -> None:
        self.config = {"Runtime": runtime}
        self._proc: object = process
        self._stderr_queue: queue.Queue[str] = queue.Queue()
        for line in lines:
            self._stderr_queue.put(line)


def drained(worker: Worker) -> str:
    def what_is_there(_worker: Any, **_: float) -> str:
        return "what MiniStack found"

    return workers._until_its_mark(what_is_there)(worker)


def test_the_log_of_a_call_ends_at_its_mark_and_leaves_the_next_calls_lines() -> None:
    worker = Worker("first", f"last without newline{workers.LOG_END}", "of the next call")
    assert drained(worker) == "first\nlast without newline"
    assert worker._stderr_queue.get_nowait() == "of the next call"


@pytest.mark.parametrize("given", [{"process": None}, {"runtime": "nodejs22.x"}])
def test_nobody_waits_for_the_mark_of_a_process_that_writes_none(given: dict[str, Any]) -> None:
    assert drained(Worker("killed here", **given)) == "what MiniStack found"
