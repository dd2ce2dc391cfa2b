"""Bounds how many execution environments of a function start at the same time.

AWS starts each on a machine of its own. Here all starts share this machine's processors: of 64 calls at once each began
a process and waited for the 63 others, so that some outlived their time limit. A call that finds no free environment
now waits until it may start one, and takes one that becomes free before. It never waits for an environment alone, so a
function that calls itself comes to an end as in AWS. Reservations and the account's quota count waiting calls.
"""

import importlib
import os
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from infra.local.patching import wrap

LAMBDA = "ministack.services.lambda_svc"
RUNTIME = "ministack.core.lambda_runtime"
STARTS_AT_ONCE = max(2, os.cpu_count() or 1)  # of one function
LOOK_AGAIN_S = 1.0  # should an environment go without being released

_guard = threading.Lock()


class _Starts:
    """The starts of one function's environments that go on now, and the calls that wait for an environment."""

    def __init__(self) -> None:
        self.now = 0
        self.changed = threading.Condition()


_starts: defaultdict[str, _Starts] = defaultdict(_Starts)


def apply() -> None:
    wrap(LAMBDA, "acquire_worker", _waiting_for_a_start)
    wrap(LAMBDA, "release_worker", _telling_who_waits)
    wrap(RUNTIME, "Worker._spawn", _ending_the_start)


def _starts_of(function: str) -> _Starts:
    with _guard:
        return _starts[function]


def _waiting_for_a_start(acquire: Callable[..., tuple[Any, str]]) -> Callable[..., tuple[Any, str]]:
    python = importlib.import_module(RUNTIME).Worker

    def acquiring(function: str, *arguments: Any, **options: Any) -> tuple[Any, str]:
        starts = _starts_of(function)
        with starts.changed:
            while True:
                # with a maximum of 1 only a free environment is handed out, or the function's first
                most = {} if starts.now < STARTS_AT_ONCE else {"max_concurrency": 1}
                worker, how = acquire(function, *arguments, **most, **options)
                if worker is not None:
                    if how == "spawn" and isinstance(worker, python):
                        starts.now += 1
                        worker.starts = starts
                    return worker, how
                starts.changed.wait(LOOK_AGAIN_S)

    return acquiring


def _telling_who_waits(release: Callable[[Any], None]) -> Callable[[Any], None]:
    def releasing(worker: Any) -> None:
        release(worker)
        if worker is not None:
            starts = _starts_of(worker.func_name)
            with starts.changed:
                starts.changed.notify()

    return releasing


def _ending_the_start(spawn: Callable[[Any], None]) -> Callable[[Any], None]:
    def spawning(worker: Any) -> None:
        try:
            spawn(worker)
        finally:
            starts = worker.__dict__.pop("starts", None)  # none if a process starts in the place of one that ended
            if starts is not None:
                with starts.changed:
                    starts.now -= 1
                    starts.changed.notify()

    return spawning
