"""Routes of the drive: uploads."""

from __future__ import annotations

from typing import Any

from drive.route_schemas import PartNumbers, Parts, Upload, UploadCompletion, UploadFields, UploadReference
from drive.schemas import File
from drive.uploads import service as uploads
from drive.uploads import transfers
from drive.uploads.service import NewUpload
from kernel.answers import Answer
from kernel.caller import Caller
from kernel.http import App
from kernel.limiter import Limit

UPLOADS = Limit("uploads", requests=600, window_s=60)


def add_to(app: App) -> None:
    """Register these routes."""

    @app.post(
        "/drive/uploads",
        body=UploadFields,
        returns=Upload,
        status=201,
        other_statuses=[200],
        errors=["quota_exceeded", "payload_too_large", "not_ready", "conflict", "blocked", "encrypted_conversation"],
        limits=[UPLOADS],
    )
    def begin_upload(caller: Caller, body: UploadFields) -> Answer:
        """Reserve quota for a file and get upload instructions; a repeated client_id returns the same file with 200."""
        fields = body.model_dump()
        wanted = NewUpload(**{**fields, "sha256": body.sha256.lower()})
        made, new = uploads.begin(caller=caller, wanted=wanted)
        return Answer(made, status=201 if new else 200)

    @app.post("/drive/uploads/{file_id}/parts", body=PartNumbers, returns=Parts, errors=["upload_ended"])
    def ask_for_parts(caller: Caller, file_id: str, body: PartNumbers) -> Any:
        """Upload URLs of parts (valid for 15 min), and the parts uploaded so far, to resume with the rest."""
        return transfers.parts(caller=caller, file_id=file_id, numbers=body.part_numbers, client_id=body.client_id)

    @app.post(
        "/drive/uploads/{file_id}/complete",
        body=UploadCompletion,
        returns=File,
        status=202,
        errors=["upload_incomplete", "upload_ended"],
    )
    def complete_upload(caller: Caller, file_id: str, body: UploadCompletion) -> Any:
        """Complete an upload; the file is inspected and becomes ready or rejected. Idempotent."""
        return transfers.complete(
            caller=caller,
            file_id=file_id,
            sent_parts=[(part.number, part.etag) for part in body.parts],
            client_id=body.client_id,
        )

    @app.delete("/drive/uploads/{file_id}", query=UploadReference, status=204, errors=["upload_ended", "conflict"])
    def abort_upload(caller: Caller, file_id: str, query: UploadReference) -> None:
        """Abort an upload; its reserved quota is freed at once."""
        transfers.abort(caller=caller, file_id=file_id, client_id=query.client_id)
