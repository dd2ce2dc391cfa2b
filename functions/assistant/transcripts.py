"""Requests for transcriptions; `transcribing` does the work.

A transcript belongs to the recording, not to the person who requested it: it is stored beside the recording's object
and deleted with it. Everybody with access to the recording, and nobody else, may read it.
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
    """Begin a job that transcribes a recording; it is done at once if there is a transcript already.

    Raises NotFound without access to the recording, ValidationFailed, BudgetExceeded, and as `consent.require`.
    """
    recording = drive.recording(caller.user_id, file_id)
    consent.require(caller, "transcriptions", recording.conversation_id)
    _require_audio(recording)
    job_id = ids.new("aij")
    transcript = drive.transcript(recording)
    if transcript is not None:
        made = StoredJob(caller.user_id, job_id, "done", {"file_id": file_id})
        store.put_job(made)
        return _view(made, transcript)
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
    return _view(made, None)


def _require_audio(recording: Recording) -> None:
    if recording.content_type not in transcribe.FORMATS:
        raise ValidationFailed.of("file_id", "is no recording whose sound can be written down")
    if transcribe.longest_s(recording) > transcribe.LONGEST_S:
        raise ValidationFailed.of("file_id", "may be longer than 4 hours")


def job(caller: Caller, job_id: str) -> dict[str, Any]:
    """One of the caller's jobs. Raises NotFound, also without access to the recording, and as `consent.require`."""
    found = store.job(caller.user_id, job_id) if ids.is_id(job_id, "aij") else None
    if found is None:
        raise NotFound
    if found.state != "done":
        return _view(found, None)
    recording = drive.recording(caller.user_id, str(found.kept["file_id"]))
    consent.require(caller, "transcriptions", recording.conversation_id, paid=True)
    transcript = drive.transcript(recording)
    if transcript is None:  # the file has got a new version since
        raise NotFound
    return _view(found, transcript)


def _view(found: StoredJob, transcript: dict[str, Any] | None) -> dict[str, Any]:
    return {"id": found.job_id, "status": found.state, "result": transcript, "problem": found.kept.get("problem")}
