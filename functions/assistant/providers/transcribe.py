"""Amazon Transcribe, within the account: jobs are started, polled, and deleted once their result was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from assistant.model import SpokenSegment
from assistant.settings import settings
from drive import api as drive
from drive.api import Recording
from kernel import aws
from kernel.config import config
from kernel.errors import DependencyUnavailable

NAME, MODEL = "transcribe", "amazon-transcribe"
State = Literal["running", "done", "failed"]

# Transcribe's formats ("Data input and output"), with the minimum of bytes per second: a recording's length is unknown
# before the transcription, and its maximum by size is reserved of the budget.
_OPUS, _LOSSY, _PLAIN = 1_500, 3_000, 12_000
FORMATS: Mapping[str, tuple[str, int]] = {
    "audio/webm": ("webm", _OPUS),
    "audio/ogg": ("ogg", _OPUS),
    "audio/opus": ("ogg", _OPUS),
    "audio/mp4": ("m4a", _LOSSY),
    "audio/mpeg": ("mp3", _LOSSY),
    "audio/wav": ("wav", _PLAIN),
    "audio/x-wav": ("wav", _PLAIN),
    "audio/flac": ("flac", _PLAIN),
    "audio/x-flac": ("flac", _PLAIN),
    "video/mp4": ("mp4", 8 * _LOSSY),
    "video/webm": ("webm", 8 * _LOSSY),
}
LEAST_BILLED_S = 15  # "Amazon Transcribe pricing"
LONGEST_S = 4 * 3_600  # "Guidelines and quotas"


def longest_s(recording: Recording) -> int:
    """The maximum length of a recording in seconds, by its size."""
    least_bytes = FORMATS[recording.content_type][1]
    return max(LEAST_BILLED_S, -(-recording.size // least_bytes))


def begin(job_id: str, recording: Recording) -> None:
    """Start a job of this name; idempotent. Raises DependencyUnavailable."""
    try:
        _call(
            "start_transcription_job",
            TranscriptionJobName=job_id,
            IdentifyLanguage=True,
            MediaFormat=FORMATS[recording.content_type][0],
            Media={"MediaFileUri": f"s3://{config().blob_bucket}/{recording.object_key}"},
            OutputBucketName=config().blob_bucket,
            OutputKey=drive.raw_transcript_key(recording.object_key),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConflictException":
            raise DependencyUnavailable from error


def state(job_id: str) -> State:
    """The state of a job; a missing job counts as failed. Raises DependencyUnavailable."""
    try:
        found = _call("get_transcription_job", TranscriptionJobName=job_id)["TranscriptionJob"][
            "TranscriptionJobStatus"
        ]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("BadRequestException", "NotFoundException"):
            return "failed"
        raise DependencyUnavailable from error
    states: Mapping[str, State] = {"COMPLETED": "done", "FAILED": "failed"}
    return states.get(found, "running")


def forget(job_id: str) -> None:
    """Delete a job, which Transcribe would list for 90 days, if it exists. Raises DependencyUnavailable."""
    try:
        _call("delete_transcription_job", TranscriptionJobName=job_id)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BadRequestException", "NotFoundException"):
            raise DependencyUnavailable from error


def segments_of(document: Mapping[str, Any]) -> list[SpokenSegment]:
    """The segments in Transcribe's document ("Data input and output", example output), in order."""
    results = document["results"]
    if parts := results.get("audio_segments"):
        return [
            SpokenSegment(_ms(each["start_time"]), _ms(each["end_time"]), str(each["transcript"])) for each in parts
        ]
    text = " ".join(each["transcript"] for each in results["transcripts"])
    times = [each for each in results.get("items", ()) if "start_time" in each]
    return (
        [SpokenSegment(_ms(times[0]["start_time"]), _ms(times[-1]["end_time"]), text)] if times and text.strip() else []
    )


def _ms(seconds: str) -> int:
    return round(float(seconds) * 1_000)


def _call(operation: str, **arguments: Any) -> Any:
    """One call; raises ClientError if Transcribe refuses it, DependencyUnavailable if it does not respond."""
    call = getattr(aws.client("transcribe", settings().transcribe_url or None), operation)
    try:
        return call(**arguments)
    except BotoCoreError as error:
        raise DependencyUnavailable from error
