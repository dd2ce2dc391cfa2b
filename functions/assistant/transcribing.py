"""Writing down a recording, step by step (statemachines/transcription.asl.json). Each step may be repeated.

Whether the person may still hear the recording, and still has AI help, is asked when it begins and again before
anything is kept (R52).
"""

from __future__ import annotations

import json
from typing import Any

from accounts import session_api as accounts
from assistant import budgets, consent, deltas, neutral, store
from assistant.model import ModelUsage, SpokenSegment, tokens
from assistant.providers import transcribe
from assistant.settings import settings
from assistant.store import Reservation, StoredJob
from drive import api as drive
from drive.api import Recording
from kernel import blobs, telemetry
from kernel.caller import Caller
from kernel.errors import DependencyUnavailable, NotFound, Problem

LOOKS = 400  # of 10 s each: what takes longer is given up


def begin(user_id: str, job_id: str) -> str:
    """Ask for the job; returns how it is: `running`, `failed`, or `gone` when there is nothing to do."""
    job = store.job(user_id, job_id)
    if job is None or job.state not in ("queued", "running"):
        return "gone"
    if not accounts.is_live(user_id, job.kept["session_id"]):
        return "failed"
    try:
        recording = _allowed(job)
    except Problem:
        return "failed"
    transcribe.begin(job_id, recording)
    store.move_job(user_id, job_id, before="queued", after="running", kept=job.kept)
    return "running"


def look(job_id: str, looks: int) -> str:
    """How a job is going: `running`, `done`, or `failed`, as also after too many looks."""
    state = transcribe.state(job_id)
    return "failed" if state == "running" and looks >= LOOKS else state


def finish(user_id: str, job_id: str) -> None:
    """Keep what was written down, count its seconds, and tell; or note that the person may not have it any more."""
    job = store.job(user_id, job_id)
    if job is None or job.state != "running":
        return
    try:
        recording = _allowed(job)
    except Problem as refused:
        _give_up(job, refused, heard=True)
        return
    written = _read(recording)
    if written is None:  # the step is repeated after the document was read, or it never came
        written = drive.transcript(recording)
    if written is None:
        _give_up(job, DependencyUnavailable("The recording could not be written down."), heard=True)
        return
    drive.save_transcript(recording, written)
    try:
        _allowed(job)
    except NotFound as refused:  # deleted while this was written
        drive.delete_transcripts(recording.object_key)
        _give_up(job, refused, heard=True)
        return
    usage = _usage(written)
    _close(job, usage)
    kept = {"file_id": job.kept["file_id"]}
    if store.move_job(user_id, job_id, before="running", after="done", kept=kept):
        telemetry.count("Transcriptions")
        deltas.tell_end(user_id, job_id, answer=_answer(written, usage))


def fail(user_id: str, job_id: str) -> None:
    """Note that a recording could not be written down, free what was held for it, and tell."""
    job = store.job(user_id, job_id)
    if job is not None and job.state in ("queued", "running"):
        _give_up(job, DependencyUnavailable("The recording could not be written down."), heard=False)


def _allowed(job: StoredJob) -> Recording:
    """The recording, if the person may hear it and have it written down now; raises what stands against it."""
    caller = Caller(job.owner, job.kept["session_id"])
    recording = drive.recording(job.owner, str(job.kept["file_id"]))
    consent.require(caller, "transcriptions", recording.conversation_id, paid=True)
    return recording


def _read(recording: Recording) -> dict[str, Any] | None:
    """The transcript in Transcribe's document; None if that is not there."""
    blob = blobs.find(drive.raw_transcript_key(recording.object_key))
    if blob is None:
        return None
    try:
        segments = transcribe.segments_of(json.loads(b"".join(blobs.chunks(blob))))
    except (ValueError, LookupError, TypeError) as error:
        raise DependencyUnavailable("Transcribe's document cannot be read.") from error
    shown = [SpokenSegment(each.start_ms, each.end_ms, neutral.clean(each.text)) for each in segments]
    return {
        "text": " ".join(each.text for each in shown),
        "segments": [{"start_ms": each.start_ms, "end_ms": each.end_ms, "text": each.text} for each in shown],
    }


def _usage(written: dict[str, Any]) -> ModelUsage:
    """What a transcript has cost: its seconds up to the last word, of which 15 are billed at the least."""
    last_ms = max((each["end_ms"] for each in written["segments"]), default=0)
    seconds = max(transcribe.LEAST_BILLED_S, -(-last_ms // 1_000))
    return settings().priced_sound(seconds, tokens(written["text"]))


def _answer(written: dict[str, Any], usage: ModelUsage) -> dict[str, Any]:
    return {
        "result": written,
        "citations": [],
        "model": transcribe.MODEL,
        "provider": transcribe.NAME,
        "usage": usage.shown(),
    }


def _give_up(job: StoredJob, problem: Problem, *, heard: bool) -> None:
    """`heard`: Transcribe has done its work, which is counted as what was held."""
    _close(job, _reservation(job).held if heard else ModelUsage())
    kept = {"file_id": job.kept["file_id"], "problem": problem.as_dict(job.job_id)}
    if store.move_job(job.owner, job.job_id, before=job.state, after="failed", kept=kept):
        telemetry.count("TranscriptionsFailed")
        deltas.tell_end(job.owner, job.job_id, problem=problem)


def _close(job: StoredJob, usage: ModelUsage) -> None:
    """Settle the budget, and leave nothing of the job: neither at Transcribe nor its document."""
    budgets.settle(_reservation(job), usage)
    transcribe.forget(job.job_id)
    raw = blobs.find(drive.raw_transcript_key(job.kept["object_key"]))
    if raw is not None:
        blobs.remove(raw.key, raw.version)


def _reservation(job: StoredJob) -> Reservation:
    kept = job.kept["reservation"]
    return Reservation(kept["call_id"], kept["user_id"], kept["day"], ModelUsage(**kept["held"]))
