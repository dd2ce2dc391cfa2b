"""What queues carry: jobs, each of a kind that one domain has registered in its `events.py` with its queue.

Kinds that disturb each other have queues of their own: frames of the log never wait behind presence or erasure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

DEFAULT_QUEUE = "jobs"  # of kinds that few people cause, and that nobody waits for
# Jobs that deliver frames; those of a batch are done together (realtime.fanout).
FRAMES = ("connections", "members", "personal")

Job = dict[str, Any]
Handle = Callable[[Job], None]


@dataclass(frozen=True, slots=True)
class _Kind:
    handle: Handle
    queue: str


_kinds: dict[str, _Kind] = {}


def register_job(kind: str, handle: Handle, *, queue: str = DEFAULT_QUEUE) -> None:
    """Name what does the jobs of a kind, one by one, each reading what is so by then; twice is fine for any of them.

    `queue` is one of infra/realtime.yaml. A kind that comes in floods, or that people wait for, names one.
    """
    _kinds[kind] = _Kind(handle, queue)


def queue_of(job: Job) -> str:
    """The queue that a job goes into; raises LookupError for a kind that this process does not know."""
    return _registered(job).queue


def do(job: Job) -> None:
    """Do one job; raises LookupError for a kind that this process does not know."""
    _registered(job).handle(job)


def _registered(job: Job) -> _Kind:
    try:
        return _kinds[job["kind"]]
    except KeyError as error:
        raise LookupError(f"{job['kind']}: its domain's `events` was not imported") from error


def queues() -> set[str]:
    """The queues of all kinds that this process knows."""
    return {kind.queue for kind in _kinds.values()}


def forget(kind: str) -> None:
    """Take a kind out again: for tests that register one of their own."""
    _kinds.pop(kind, None)
