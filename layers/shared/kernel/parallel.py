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


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="call")


def carried(call: Callable[[T], R]) -> Callable[[T], R]:
    """`call` for other threads, with this thread's context: its deadline and its log line."""
    here = copy_context()
    return lambda value: here.copy().run(call, value)


def mapped(call: Callable[[T], R], each: Iterable[T]) -> list[R]:
    """The results of `call` for each value, in order, at most 16 calls at once.

    A single call runs on this thread. Raises the first error.
    """
    values = list(each)
    if len(values) < 2:
        return [call(value) for value in values]
    return list(_threads().map(carried(call), values))
