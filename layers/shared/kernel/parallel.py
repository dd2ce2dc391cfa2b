"""Concurrent calls to dependencies, on threads of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
MAX_AT_ONCE = 16  # the number of connections that a client of `kernel.aws` keeps


@lru_cache(maxsize=2)
def _threads(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_AT_ONCE - 1, thread_name_prefix=name)


def carried(call: Callable[[T], R]) -> Callable[[T], R]:
    """`call` for other threads, with this thread's context: its deadline and its log line."""
    here = copy_context()
    return lambda value: here.copy().run(call, value)


def mapped(call: Callable[[T], R], each: Iterable[T], *, threads: str = "call") -> list[R]:
    """The results of `call` for each value, in order: the last call on this thread, 15 others at once beside it.

    Calls that may hang longer than others have `threads` of their own, by name. Raises the first error.
    """
    values = list(each)
    if len(values) < 2:
        return [call(value) for value in values]
    found = _threads(threads).map(carried(call), values[:-1])
    try:
        last = call(values[-1])
    finally:
        others = list(found)  # raises the error of an earlier value in place of the last one's
    return [*others, last]
