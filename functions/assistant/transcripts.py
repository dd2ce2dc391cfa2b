"""Transcriptions of voice messages, as people ask for them. The work itself is `transcribing`'s.

A transcript belongs to the recording, not to who asked: it is kept beside its bytes and goes with them, a second person
who may hear it has it at once, and nobody reads it who may not hear the recording now.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from assistant import budgets, consent, store
from assistant.model import ModelUsage
from assistant.providers import transcribe
from assistant.settings import settings
from assistant.store import StoredJob
from drive import api as drive
from drive.api import Recording
from kernel import ids, workflows
from kernel.caller import Caller
from kernel.errors import DependencyUnavailable, NotFound, ValidationFailed

MACHINE = "transcription"


def start(caller: Caller, *, file_id: str) -> dict[str, Any]:
    """A job that writes down a recording; done at once where that was done already.

    Raises NotFound for a recording that the caller may not hear, then as for all features.
    """
    recording = drive.recording(caller.user_id, file_id)
    consent.require(caller, "transcriptions", recording.conversation_id)
    _require_sound(recording)
    job_id = ids.new("aij")
    written = drive.transcript(recording)
    if written is not None:
        made = StoredJob(caller.user_id, job_id, "done", {"file_id": file_id})
        store.put_job(made)
        return _shown(made, written)
    held = budgets.hold(caller.user_id, settings().priced_sound(transcribe.longest_s(recording)))
    kept = {
        "file_id": file_id,
        "object_key": recording.object_key,
        "session_id": caller.session_id,
        "reservation": asdict(held),
    }
    made = StoredJob(caller.user_id, job_id, "queued", kept)
    store.put_job(made)
    try:
        workflows.start(MACHINE, job_id, {"user_id": caller.user_id, "job_id": job_id})
    except DependencyUnavailable:
        budgets.settle(held, ModelUsage())
        store.move_job(caller.user_id, job_id, before="queued", after="failed", kept=kept)
        raise
    return _shown(made, None)


def _require_sound(recording: Recording) -> None:
    if recording.content_type not in transcribe.FORMATS:
        raise ValidationFailed.of("file_id", "is no recording whose sound can be written down")
    if transcribe.longest_s(recording) > transcribe.LONGEST_S:
        raise ValidationFailed.of("file_id", "may be longer than 4 hours")


def job(caller: Caller, job_id: str) -> dict[str, Any]:
    """A job of the caller's; raises NotFound, also when they may not hear its recording any more, and as for all
    features when AI help was switched off since."""
    found = store.job(caller.user_id, job_id) if ids.is_id(job_id, "aij") else None
    if found is None:
        raise NotFound
    if found.state != "done":
        return _shown(found, None)
    recording = drive.recording(caller.user_id, str(found.kept["file_id"]))
    consent.require(caller, "transcriptions", recording.conversation_id, paid=True)
    written = drive.transcript(recording)
    if written is None:  # the recording has new bytes since
        raise NotFound
    return _shown(found, written)


def _shown(found: StoredJob, written: dict[str, Any] | None) -> dict[str, Any]:
    return {"id": found.job_id, "status": found.state, "result": written, "problem": found.kept.get("problem")}
