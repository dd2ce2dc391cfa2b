"""Has MiniStack's threads and random ids cost less: both made its event loop give way several times a request.

1. MiniStack starts two threads for each call of a function. Here threads stay for the next one, in any number, as
   nested calls must not wait for each other.
2. `uuid4` asks the operating system for each id. Here ids come from a generator that is seeded by it once.
"""

import importlib
import random
import sys
import threading
from collections.abc import Callable
from contextvars import Context
from queue import SimpleQueue
from typing import Any
from uuid import UUID

from infra.local.patching import stop, wrap

MODULES = ("ministack.core.concurrency", "ministack.core.lambda_runtime")


def apply() -> None:
    for name in MODULES:
        module = importlib.import_module(name)
        if getattr(module, "threading", None) is not threading:
            raise stop(f"{name}.threading")
        module.threading = _Threading()  # type: ignore[attr-defined]
    wrap("uuid", "uuid4", lambda _: random_ids())


def random_ids() -> Callable[[], UUID]:
    """A function that makes random ids (RFC 9562, version 4)."""
    bits = random.Random().getrandbits
    return lambda: UUID(int=bits(128), version=4)


class KeptThread:
    """A `threading.Thread` as MiniStack uses it, run by a thread that stays."""

    def __init__(self, target: Callable[[], Any]) -> None:
        self._target = target
        self._running = threading.Lock()

    def start(self) -> None:
        self._running.acquire()
        try:
            waiting = _waiting.pop()
        except IndexError:
            waiting = SimpleQueue()
            threading.Thread(target=_work, args=(waiting,), daemon=True).start()
        waiting.put(self)

    def run(self) -> None:
        """Run the target; what it raises is reported as that of any thread is, and the thread goes on."""
        try:
            Context().run(self._target)
        except Exception:
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
        finally:
            self._running.release()

    def join(self, timeout: float | None = None) -> None:
        if self._running.acquire(timeout=-1 if timeout is None else timeout):
            self._running.release()

    def is_alive(self) -> bool:
        return self._running.locked()


_waiting: list["SimpleQueue[KeptThread]"] = []


def _work(jobs: "SimpleQueue[KeptThread]") -> None:
    while True:
        jobs.get().run()
        _waiting.append(jobs)


class _Threading:
    """The module `threading`, with threads that stay where its daemons with nothing but a target are wanted."""

    def Thread(
        self, *, target: Callable[..., Any], daemon: bool = False, **more: Any
    ) -> "KeptThread | threading.Thread":
        if daemon and more.keys() <= {"name"}:
            return KeptThread(target)
        return threading.Thread(target=target, daemon=daemon, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)
