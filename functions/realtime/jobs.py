"""What queues carry: jobs, each of a kind that one domain has registered in its `events.py`.

Kinds that disturb each other have queues of their own: frames of the log never wait behind presence or erasure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Job = dict[str, Any]
Handle = Callable[[Job], None]

_handlers: dict[str, Handle] = {}


def register_job(kind: str, handle: Handle) -> None:
    """Name what does the jobs of a kind, one by one, each reading what is so by then; twice is fine for any of them."""
    _handlers[kind] = handle


def do(job: Job) -> None:
    """Do one job; raises LookupError for one that nobody has registered: `composition` was not imported."""
    try:
        handle = _handlers[job["kind"]]
    except KeyError as error:
        raise LookupError(f"nobody does jobs of the kind {job['kind']}") from error
    handle(job)


def forget(kind: str) -> None:
    """Take a kind out again: for tests that register one of their own."""
    _handlers.pop(kind, None)
