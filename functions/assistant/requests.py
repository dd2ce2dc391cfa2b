"""Asking: at once, or as a stream that a function of its own writes to the caller's sockets.

A streamed request is claimed once. Should the function that has claimed it die, the queue's next delivery ends it with
a problem, so that there is one ai.done whatever happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from assistant import deltas, service, store
from assistant.model import Feature
from assistant.providers.port import Task
from assistant.settings import settings
from assistant.store import StoredJob
from kernel import ids, queues, telemetry
from kernel.caller import Caller
from kernel.errors import Gone, Internal, NotFound, Problem, as_problem
from realtime import api as realtime

TASKS: Mapping[Feature, Callable[..., Task]] = {
    "summaries": service.summary,
    "replies": service.replies,
    "translations": service.translation,
    "rewrites": service.rewrite,
    "moderations": service.moderation,
    "answers": service.answer,
}
KIND = "request"
LOOK_AGAIN_S = 1.0  # how often a stream asks whether somebody still waits for it


class RequestCancelled(Exception):
    """Nobody waits for this answer any more."""


def task(caller: Caller, feature: Feature, fields: Mapping[str, Any]) -> Task:
    """What is asked for, with what may be read for it now; raises what stands against it."""
    return TASKS[feature](caller, **fields)


def ask(caller: Caller, feature: Feature, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request."""
    return service.carry_out(task(caller, feature, fields))


def start(caller: Caller, feature: Feature, fields: Mapping[str, Any]) -> str:
    """The id of a request that is streamed; raises what can be known to be wrong with it already."""
    task(caller, feature, fields)
    request_id = ids.new("air")
    store.put_job(StoredJob(caller.user_id, request_id, "queued", {}), kind=KIND)
    message = {
        "request_id": request_id,
        "user_id": caller.user_id,
        "session_id": caller.session_id,
        "feature": feature,
        "fields": dict(fields),
    }
    queues.send(settings().queue_url, [message])
    return request_id


def cancel(user_id: str, request_id: str) -> None:
    """Stop a streamed answer; what it has consumed by then is counted. Raises NotFound."""
    found = store.job(user_id, request_id, kind=KIND) if ids.is_id(request_id, "air") else None
    if found is None:
        raise NotFound
    for state in ("queued", "running"):
        if store.move_job(user_id, request_id, before=state, after="cancelled", kept={}, kind=KIND):
            return


def carry_out(message: Mapping[str, Any]) -> None:
    """Do a request of the queue: pieces as they come, then its end, to the sockets of who asked."""
    caller = Caller(message["user_id"], message["session_id"])
    stream = _Stream(caller.user_id, message["request_id"])
    if not stream.moved("queued", "running"):
        if stream.moved("running", "failed"):
            stream.done(problem=Internal("This answer was broken off; ask again."))
        stream.end_if_cancelled()
        return
    try:
        asked = task(caller, message["feature"], message["fields"])
        answer = service.carry_out(asked, show=stream.show)
    except RequestCancelled:
        telemetry.count("AiStreamsCancelled")
    except Exception as error:
        problem = as_problem(error)
        if stream.moved("running", "failed"):
            stream.done(problem=problem or Internal())
        if problem is None:
            telemetry.logger().error("stream failed", exc_info=error)
    else:
        if stream.moved("running", "done"):
            stream.done(answer=answer)
    stream.end_if_cancelled()


class _Stream:
    """The frames of one request, numbered; `n` is dense from 1."""

    def __init__(self, user_id: str, request_id: str) -> None:
        self._user_id, self._request_id = user_id, request_id
        self._n = 0
        self._looked_at = time.monotonic()

    def moved(self, before: str, after: str) -> bool:
        return store.move_job(self._user_id, self._request_id, before=before, after=after, kept={}, kind=KIND)

    def show(self, text: str) -> None:
        """Tell a piece; raises Cancelled when that was asked for, or when the person has no socket left."""
        if time.monotonic() - self._looked_at > LOOK_AGAIN_S:
            self._looked_at = time.monotonic()
            found = store.job(self._user_id, self._request_id, kind=KIND)
            if found is None or found.state != "running" or not realtime.connections_of([self._user_id]):
                self.moved("running", "cancelled")
                raise RequestCancelled
        self._n += 1
        deltas.tell_piece(self._user_id, self._request_id, n=self._n, text=text)

    def end_if_cancelled(self) -> None:
        """Tell the end of a request that was cancelled, unless that was told already."""
        if self.moved("cancelled", "ended"):
            self.done(problem=Gone("This request was cancelled."))

    def done(self, *, answer: Mapping[str, Any] | None = None, problem: Problem | None = None) -> None:
        deltas.tell_end(self._user_id, self._request_id, answer=answer, problem=problem)
