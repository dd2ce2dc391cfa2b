"""The steps of a transcription (statemachines/transcription.asl.json). Each step is idempotent.

Access to the recording and consent to AI help are checked at the beginning and again before the transcript is saved
(R52).
"""

from __future__ import annotations

import json
from typing import Any

from accounts import session_api as accounts
from assistant import budgets, consent, deltas, sanitizer, store
from assistant.model import ModelUsage, SpokenSegment, tokens
from assistant.providers import transcribe
from assistant.settings import settings
from assistant.store import Reservation, StoredJob
from drive import api as drive
from drive.api import Recording
from kernel import blobs, telemetry
from kernel.caller import Caller
from kernel.errors import DependencyUnavailable, NotFound, Problem

MAX_POLLS = 400  # one per 10 s; then the job fails


def begin(user_id: str, job_id: str) -> str:
    """Start the transcription: `running`, `failed`, or `gone` if the job has ended or does not exist."""
    job = store.job(user_id, job_id)
    if job is None or job.state not in ("queued", "running"):
        return "gone"
    if not accounts.is_live(user_id, job.kept["session_id"]):
        return "failed"
    try:
        recording = _require_recording(job)
    except Problem:
        return "failed"
    transcribe.begin(job_id, recording)
    store.move_job(user_id, job_id, before="queued", after="running", kept=job.kept)
    return "running"


def poll(job_id: str, looks: int) -> str:
    """The state of a transcription: `running`, `done`, or `failed`, also after `MAX_POLLS`."""
    state = transcribe.state(job_id)
    return "failed" if state == "running" and looks >= MAX_POLLS else state


def finish(user_id: str, job_id: str) -> None:
    """Save the transcript, charge its seconds and publish the result; or fail the job if access was lost."""
    job = store.job(user_id, job_id)
    if job is None or job.state != "running":
        return
    try:
        recording = _require_recording(job)
    except Problem as refused:
        _fail_job(job, refused, transcribed=True)
        return
    document = _read(recording)
    if document is None:  # the step is repeated, or there is no document
        document = drive.transcript(recording)
    if document is None:
        _fail_job(job, DependencyUnavailable("The recording could not be written down."), transcribed=True)
        return
    drive.save_transcript(recording, document)
    try:
        _require_recording(job)
    except NotFound as refused:  # the recording was deleted meanwhile
        drive.delete_transcripts(recording.object_key)
        _fail_job(job, refused, transcribed=True)
        return
    usage = _usage(document)
    _close(job, usage)
    kept = {"file_id": job.kept["file_id"]}
    if store.move_job(user_id, job_id, before="running", after="done", kept=kept):
        telemetry.count("Transcriptions")
        deltas.publish_done(user_id, job_id, answer=_answer(document, usage))


def fail(user_id: str, job_id: str) -> None:
    """Fail a job, release its reservation and publish the problem."""
    job = store.job(user_id, job_id)
    if job is not None and job.state in ("queued", "running"):
        _fail_job(job, DependencyUnavailable("The recording could not be written down."), transcribed=False)


def _require_recording(job: StoredJob) -> Recording:
    """The recording, if the person may access it and use transcriptions now; raises a Problem."""
    caller = Caller(job.owner, job.kept["session_id"])
    recording = drive.recording(job.owner, str(job.kept["file_id"]))
    consent.require(caller, "transcriptions", recording.conversation_id, paid=True)
    return recording


def _read(recording: Recording) -> dict[str, Any] | None:
    """The filtered transcript from Transcribe's document; None if there is no document."""
    blob = blobs.find(drive.raw_transcript_key(recording.object_key))
    if blob is None:
        return None
    try:
        segments = transcribe.segments_of(json.loads(b"".join(blobs.chunks(blob))))
    except (ValueError, LookupError, TypeError) as error:
        raise DependencyUnavailable("Transcribe's document cannot be read.") from error
    segments_view = [SpokenSegment(each.start_ms, each.end_ms, sanitizer.clean(each.text)) for each in segments]
    return {
        "text": " ".join(each.text for each in segments_view),
        "segments": [{"start_ms": each.start_ms, "end_ms": each.end_ms, "text": each.text} for each in segments_view],
    }


def _usage(document: dict[str, Any]) -> ModelUsage:
    """The usage of a transcript: its seconds up to the last word, at least the minimum that is billed."""
    last_ms = max((each["end_ms"] for each in document["segments"]), default=0)
    seconds = max(transcribe.LEAST_BILLED_S, -(-last_ms // 1_000))
    return settings().priced_sound(seconds, tokens(document["text"]))


def _answer(document: dict[str, Any], usage: ModelUsage) -> dict[str, Any]:
    return {
        "result": document,
        "citations": [],
        "model": transcribe.MODEL,
        "provider": transcribe.NAME,
        "usage": usage.view(),
    }


def _fail_job(job: StoredJob, problem: Problem, *, transcribed: bool) -> None:
    """Fail a job. If it was `transcribed`, the whole reservation is charged, else nothing."""
    _close(job, _reservation(job).held if transcribed else ModelUsage())
    kept = {"file_id": job.kept["file_id"], "problem": problem.as_dict(job.job_id)}
    if store.move_job(job.owner, job.job_id, before=job.state, after="failed", kept=kept):
        telemetry.count("TranscriptionsFailed")
        deltas.publish_done(job.owner, job.job_id, problem=problem)


def _close(job: StoredJob, usage: ModelUsage) -> None:
    """Settle the reservation, and delete Transcribe's job and document."""
    budgets.settle(_reservation(job), usage)
    transcribe.forget(job.job_id)
    raw = blobs.find(drive.raw_transcript_key(job.kept["object_key"]))
    if raw is not None:
        blobs.remove(raw.key, raw.version)


def _reservation(job: StoredJob) -> Reservation:
    kept = job.kept["reservation"]
    return Reservation(kept["call_id"], kept["user_id"], kept["day"], ModelUsage(**kept["held"]))
