"""Transcriptions of voice messages. No provider has them yet: who may hear a recording is told so, by name."""

from __future__ import annotations

from typing import Any, NoReturn

from assistant import consent, store
from assistant.model import AiUnavailable
from assistant.providers.choice import provider
from drive import api as drive
from kernel import ids
from kernel.caller import Caller
from kernel.errors import NotFound


def start(caller: Caller, *, file_id: str) -> NoReturn:
    """Raises NotFound for a recording that the caller may not hear, then as for all features, then AiUnavailable."""
    node = drive.recording(caller.user_id, file_id)
    consent.require(caller, "transcriptions", node.conversation_id)
    raise AiUnavailable.of("transcriptions", provider().name)


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
