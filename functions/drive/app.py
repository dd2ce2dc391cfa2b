"""Routes of the drive (contract §8): uploads, files and their versions. Folders, sharing and finding stand beside."""

from __future__ import annotations

from typing import Any

from accounts.sessions import authenticate
from drive import files, folder_routes, sharing_routes, transfers, trash, uploads
from drive.schemas import (
    ActivityList,
    Completion,
    Download,
    File,
    FileChanges,
    FileVersionList,
    PartNumbers,
    Parts,
    Removal,
    Upload,
    UploadFields,
)
from drive.uploads import NewUpload
from kernel.caller import Caller
from kernel.errors import NotFound
from kernel.http import Answer, App
from kernel.limiter import Limit
from kernel.schema import Paging

app = App("drive", authenticate=authenticate)
UPLOADS = Limit("uploads", requests=600, window_s=60)
folder_routes.add_to(app)
sharing_routes.add_to(app)


@app.post(
    "/drive/uploads",
    body=UploadFields,
    returns=Upload,
    status=201,
    other_statuses=[200],
    errors=["quota_exceeded", "payload_too_large", "not_ready", "conflict", "blocked"],
    limits=[UPLOADS],
)
def begin_upload(caller: Caller, body: UploadFields) -> Answer:
    """Reserve room for a file and learn where its bytes go; a repeated client_id returns the first one with 200."""
    fields = body.model_dump()
    wanted = NewUpload(**{**fields, "sha256": body.sha256.lower()})
    made, new = uploads.begin(caller=caller, wanted=wanted)
    return Answer(made, status=201 if new else 200)


@app.post("/drive/uploads/{file_id}/parts", body=PartNumbers, returns=Parts, errors=["upload_ended"])
def ask_for_parts(caller: Caller, file_id: str, body: PartNumbers) -> Any:
    """Addresses for parts (15 min each), and the parts that have arrived, to resume with the rest."""
    return transfers.parts(caller=caller, file_id=file_id, numbers=body.part_numbers)


@app.post(
    "/drive/uploads/{file_id}/complete",
    body=Completion,
    returns=File,
    status=202,
    errors=["upload_incomplete"],
)
def complete_upload(caller: Caller, file_id: str, body: Completion) -> Any:
    """All bytes are sent; the file is looked at and then becomes ready or rejected. Harmless when repeated."""
    return transfers.complete(
        caller=caller, file_id=file_id, claimed=[(part.number, part.etag) for part in body.parts]
    )  # fmt: skip


@app.delete("/drive/uploads/{file_id}", status=204, errors=["upload_ended", "conflict"])
def abort_upload(caller: Caller, file_id: str) -> None:
    """Give an upload up; its room is free at once."""
    transfers.abort(caller=caller, file_id=file_id)


@app.get("/drive/files/{file_id}", returns=File)
def get_file(caller: Caller, file_id: str) -> Any:
    """A file that is the caller's or shared with them."""
    return files.get(caller=caller, file_id=file_id)


@app.patch("/drive/files/{file_id}", body=FileChanges, returns=File, errors=["not_ready", "conflict"])
def change_file(caller: Caller, file_id: str, body: FileChanges) -> Any:
    """Rename a file or move it to another folder of the same drive."""
    return files.change(caller=caller, file_id=file_id, fields=body.model_dump(exclude_unset=True))


@app.delete("/drive/files/{file_id}", status=204, query=Removal, errors=["conflict"])
def delete_file(caller: Caller, file_id: str, query: Removal) -> None:
    """Put a file into the trash for 30 days; `permanent=true` deletes it and frees its room."""
    trash.remove(caller=caller, node_id=file_id, permanent=query.permanent == "true", file=True)


@app.post("/drive/files/{file_id}/restore", returns=File, errors=["conflict"])
def restore_file(caller: Caller, file_id: str) -> Any:
    """Take a file back from the trash to where it was."""
    return trash.restore(caller=caller, node_id=file_id, file=True)


@app.get("/drive/files/{file_id}/download", returns=Download, errors=["not_ready"])
def download_file(caller: Caller, file_id: str) -> Any:
    """An address for 5 minutes, as an attachment; of files that are ready only."""
    return files.download(caller=caller, file_id=file_id)


@app.get("/drive/files/{file_id}/versions", returns=FileVersionList)
def list_versions(caller: Caller, file_id: str) -> Any:
    """The versions of a file that are kept (20, unless the deployment says otherwise), newest first."""
    return files.versions(caller=caller, file_id=file_id)


@app.post("/drive/files/{file_id}/versions/{version}/restore", returns=File, errors=["not_ready", "conflict"])
def restore_version(caller: Caller, file_id: str, version: str) -> Any:
    """Make an earlier version the current one."""
    if not version.isascii() or not version.isdigit() or len(version) > 8:
        raise NotFound
    return files.restore_version(caller=caller, file_id=file_id, number=int(version))


@app.get("/drive/files/{file_id}/activity", query=Paging, returns=ActivityList)
def list_activity(caller: Caller, file_id: str, query: Paging) -> Any:
    """What was done with a file and by whom, latest first."""
    return files.activity(caller=caller, file_id=file_id, limit=query.limit, after=query.cursor)


@app.put("/drive/files/{file_id}/favourite", status=204)
def mark_favourite(caller: Caller, file_id: str) -> None:
    """Mark a file as a favourite of one's own."""
    files.set_favourite(caller=caller, file_id=file_id, on=True)


@app.delete("/drive/files/{file_id}/favourite", status=204)
def unmark_favourite(caller: Caller, file_id: str) -> None:
    """Take the mark away."""
    files.set_favourite(caller=caller, file_id=file_id, on=False)
