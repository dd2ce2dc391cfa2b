"""Locks: commands that start, build or stop the same thing run one after the other."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from infra.local.config import STATE
from infra.local.console import say

LOCKS = STATE / "cache"  # the folder that a reset keeps


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock called `name`; the system frees it when this process ends, however it ends."""
    LOCKS.mkdir(parents=True, exist_ok=True)
    with (LOCKS / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another command from this directory to end ({name}) ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
