"""The function that statemachines/transcription.asl.json calls for each step of a transcription."""

from __future__ import annotations

from typing import Any

from assistant import transcribing
from kernel import telemetry


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{user_id, job_id, status?, looks?, failed?}` → the same with the next status; `looks` counts polls.

    Without a status the job is begun; `running` polls it; `done` and `failed` end it.
    """
    with telemetry.call("assistant.transcribe", context) as line:
        user_id, job_id = event["user_id"], event["job_id"]
        status, looks = event.get("status"), event.get("looks", 0)
        if "failed" in event or status == "failed":
            transcribing.fail(user_id, job_id)
            status = "over"
        elif status is None:
            status = transcribing.begin(user_id, job_id)
        elif status == "running":
            status, looks = transcribing.poll(job_id, looks), looks + 1
        else:
            transcribing.finish(user_id, job_id)
            status = "over"
        line.fields["status"] = status
        return {"user_id": user_id, "job_id": job_id, "status": status, "looks": looks}
