"""The events of streamed answers and jobs on their caller's sockets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kernel import clock
from kernel.errors import Problem
from realtime import api as realtime

DELTA, DONE = "ai.delta", "ai.done"


def publish_delta(user_id: str, request_id: str, *, n: int, text: str) -> None:
    """Publish a piece of an answer; `n` counts from 1."""
    _publish(user_id, DELTA, {"request_id": request_id, "n": n, "text": text})


def publish_done(
    user_id: str, request_id: str, *, answer: Mapping[str, Any] | None = None, problem: Problem | None = None
) -> None:
    """Publish the end of a request or job: its answer or its problem."""
    data: dict[str, Any] = {"request_id": request_id}
    if answer is not None:
        from assistant.schemas import AiAnswer
        from kernel.schema import as_json

        data["answer"] = as_json(AiAnswer, answer)
    if problem is not None:
        data["problem"] = problem.as_dict(request_id)
    _publish(user_id, DONE, data)


def _publish(user_id: str, kind: str, data: Mapping[str, Any]) -> None:
    frame = json.dumps({"type": kind, "at": clock.rfc3339(clock.now()), "data": data})
    realtime.publish([frame], [user_id])
