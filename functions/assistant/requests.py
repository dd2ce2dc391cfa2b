"""Requests for AI help: synchronous ones, and streamed ones, which a queue's consumer answers on the caller's sockets.

A streamed request is claimed once. If its consumer dies, the queue's next delivery ends the request with a problem, so
that there is always exactly one `ai.done`.
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
CHECK_INTERVAL_S = 1.0  # how often a stream checks for cancellation


class RequestCancelled(Exception):
    """The request was cancelled, or its caller has no socket any more."""


def task(caller: Caller, feature: Feature, fields: Mapping[str, Any]) -> Task:
    """The task of a request, with the messages that may be read for it now; raises as `consent.require`."""
    return TASKS[feature](caller, **fields)


def start(caller: Caller, feature: Feature, fields: Mapping[str, Any]) -> str:
    """Enqueue a streamed request; returns its id. Raises as `task`."""
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
    """Cancel a streamed request; its usage so far is charged. Raises NotFound."""
    found = store.job(user_id, request_id, kind=KIND) if ids.is_id(request_id, "air") else None
    if found is None:
        raise NotFound
    for state in ("queued", "running"):
        if store.move_job(user_id, request_id, before=state, after="cancelled", kept={}, kind=KIND):
            return


def carry_out(message: Mapping[str, Any]) -> None:
    """Answer a request of the queue on its caller's sockets: pieces as they come, then the end."""
    caller = Caller(message["user_id"], message["session_id"])
    stream = _Stream(caller.user_id, message["request_id"])
    if not stream.move("queued", "running"):
        if stream.move("running", "failed"):
            stream.done(problem=Internal("This answer was broken off; ask again."))
        stream.end_if_cancelled()
        return
    try:
        asked = task(caller, message["feature"], message["fields"])
        answer = service.carry_out(asked, publish=stream.publish)
    except RequestCancelled:
        telemetry.count("AiStreamsCancelled")
    except Exception as error:
        problem = as_problem(error)
        if stream.move("running", "failed"):
            stream.done(problem=problem or Internal())
        if problem is None:
            telemetry.logger().error("stream failed", exc_info=error)
    else:
        if stream.move("running", "done"):
            stream.done(answer=answer)
    stream.end_if_cancelled()


class _Stream:
    """The state and the frames of one streamed request; frames are numbered from 1."""

    def __init__(self, user_id: str, request_id: str) -> None:
        self._user_id, self._request_id = user_id, request_id
        self._n = 0
        self._checked_at = time.monotonic()

    def move(self, before: str, after: str) -> bool:
        return store.move_job(self._user_id, self._request_id, before=before, after=after, kept={}, kind=KIND)

    def publish(self, text: str) -> None:
        """Publish a piece; raises RequestCancelled."""
        if time.monotonic() - self._checked_at > CHECK_INTERVAL_S:
            self._checked_at = time.monotonic()
            found = store.job(self._user_id, self._request_id, kind=KIND)
            if found is None or found.state != "running" or not realtime.connections_of([self._user_id]):
                self.move("running", "cancelled")
                raise RequestCancelled
        self._n += 1
        deltas.publish_delta(self._user_id, self._request_id, n=self._n, text=text)

    def end_if_cancelled(self) -> None:
        """Publish the end of a cancelled request, once."""
        if self.move("cancelled", "ended"):
            self.done(problem=Gone("This request was cancelled."))

    def done(self, *, answer: Mapping[str, Any] | None = None, problem: Problem | None = None) -> None:
        deltas.publish_done(self._user_id, self._request_id, answer=answer, problem=problem)
