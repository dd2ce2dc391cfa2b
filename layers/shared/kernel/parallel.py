"""Several calls to the outside at once, on threads of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
MAX_AT_ONCE = 16  # as many connections as a client of `kernel.aws` keeps


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="call")


def carried(call: Callable[[T], R]) -> Callable[[T], R]:
    """`call` for other threads, which have neither this one's deadline nor its line of the log by themselves."""
    here = copy_context()
    return lambda value: here.copy().run(call, value)


def mapped(call: Callable[[T], R], each: Iterable[T]) -> list[R]:
    """`call` of each value, in order, at most 16 at once; a single one on this thread. The first error is raised."""
    values = list(each)
    if len(values) < 2:
        return [call(value) for value in values]
    return list(_threads().map(carried(call), values))
