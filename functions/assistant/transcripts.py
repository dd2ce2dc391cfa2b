"""Transcriptions of voice messages: work that goes on after the answer, as a state machine."""

from __future__ import annotations

from typing import Any

from assistant import consent, store
from drive import api as drive
from kernel import ids
from kernel.caller import Caller
from kernel.errors import NotFound


def start(caller: Caller, *, file_id: str) -> dict[str, Any]:
    """A job that transcribes a recording that the caller may hear; raises NotFound, AiUnavailable."""
    node = drive.recording(caller.user_id, file_id)
    consent.require(caller, "transcriptions", node.conversation_id)
    raise NotFound


def job(user_id: str, job_id: str) -> dict[str, Any]:
    """A job of the caller's; raises NotFound."""
    found = store.job(user_id, job_id) if ids.is_id(job_id, "aij") else None
    if found is None:
        raise NotFound
    return {
        "id": job_id,
        "status": found.state,
        "result": found.kept.get("result"),
        "problem": found.kept.get("problem"),
    }
