"""Queue jobs: a domain registers each kind of job in its `events.py`, with the queue it goes into.

Kinds that would delay each other have queues of their own: frames of the log never wait behind presence or erasure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kernel.late import named

DEFAULT_QUEUE = "jobs"  # for rare kinds that nobody waits for
# Kinds of jobs that deliver frames; a batch of them is done together (realtime.fanout).
FRAMES = ("connections", "members", "personal")

Job = dict[str, Any]
Handle = Callable[[Job], None]


@dataclass(frozen=True, slots=True)
class _Kind:
    handle: Handle
    queue: str


_kinds: dict[str, _Kind] = {}


def register_job(kind: str, handle: Handle, *, queue: str = DEFAULT_QUEUE) -> None:
    """Register the handler of a kind of jobs. It is called per job, reads the present state and is idempotent.

    `queue` is one of infra/realtime.yaml; frequent kinds and those that people wait for have their own.
    """
    _kinds[kind] = _Kind(handle, queue)


def calling(path: str, *fields: str) -> Handle:
    """A handler that calls the function with this dotted name (`kernel.late`) with these fields of the job, by name.

    Fields that a job of an earlier version lacks have defaults there.
    """
    return lambda job: named(path)(**{name: job[name] for name in fields if name in job})


def queue_of(job: Job) -> str:
    """The queue of a job; raises LookupError for an unregistered kind."""
    return _registered(job).queue


def do(job: Job) -> None:
    """Run one job; raises LookupError for an unregistered kind."""
    _registered(job).handle(job)


def _registered(job: Job) -> _Kind:
    try:
        return _kinds[job["kind"]]
    except KeyError as error:
        raise LookupError(f"{job['kind']}: its domain's `events` was not imported") from error


def queues() -> set[str]:
    """The queues of all registered kinds."""
    return {kind.queue for kind in _kinds.values()}


def forget(kind: str) -> None:
    """Remove a kind, for tests that register one of their own."""
    _kinds.pop(kind, None)
