"""The sweep of due items: abandoned uploads, stuck intakes, expired trash, unfinished cleanup tasks (R26)."""

from __future__ import annotations

from drive import item_store, model, store
from drive.files import service as files
from drive.model import PendingUpload
from drive.sharing import attachments
from drive.trash import due_store
from drive.trash import service as trash
from drive.uploads import intake, lost_access, transfers
from kernel import blobs, clock, telemetry
from kernel.transactions import Cancelled

AT_MOST = 200  # items per partition and run
FOLDER_STEP = 1_000  # nodes per folder and run


def sweep() -> int:
    """Process due items; failed ones stay due. Returns the number of processed items."""
    done = 0
    for node_id, part in due_store.due(clock.now(), AT_MOST):
        try:
            _do(node_id, part)
            done += 1
        except Exception as error:  # must not block the other items; the next run retries it
            telemetry.logger().error("not swept", exc_info=error, extra={"node_id": node_id, "part": part})
            telemetry.count("SweepFailures")
    if done:  # a metric that is not written costs nothing
        telemetry.count("Swept", done)
    return done


def _do(node_id: str, part: str) -> None:
    if part == item_store.NODE:
        _node(node_id)
    elif part == item_store.UPLOAD:
        _upload(node_id)
    else:
        _task(node_id, due_store.task_kind(part))


def _node(node_id: str) -> None:
    """Purge a trashed or rejected node after its retention period."""
    node = store.nodes([node_id]).get(node_id)
    if node is None:
        return
    now = clock.now()
    trashed = node.trashed_at is not None and node.trashed_at + model.TRASH_KEPT_MS <= now
    rejected = node.state == "rejected" and node.updated_at + model.REJECTED_KEPT_MS <= now
    if trashed or rejected:
        trash.purge(node)


def _upload(node_id: str) -> None:
    """Restart the intake of an upload, or end an upload that was abandoned for a day."""
    found = store.node_access(node_id)
    if found is None or found.upload is None:
        return
    upload = found.upload
    over = clock.now() >= upload.created_at + model.ABANDONED_AFTER_MS
    if upload.state == "processing" and not over:
        _restart_intake(upload)
    elif upload.state == "processing":
        _fail(upload)
    elif upload.multipart_id is None and not upload.in_parts and intake.restart(upload):
        _restart_intake(upload, started=True)  # the bytes came, only their event did not
    elif over:
        transfers.cancel(found.node, upload)
        telemetry.count("UploadsAbandoned")


def _restart_intake(upload: PendingUpload, *, started: bool = False) -> None:
    telemetry.count("IntakesRestarted")
    if not started:
        intake.restart(upload)
    store.change_upload(upload, state="processing", due_at=clock.now() + model.INTAKE_PATIENCE_MS)


def _fail(upload: PendingUpload) -> None:
    """Reject a file whose intake has not ended within a day."""
    telemetry.count("IntakesGivenUp")
    blob = blobs.find(upload.object_key)
    version = "" if blob is None else blob.version
    inspection = {"key": upload.object_key, "version": version, "verdict": "rejected", "reason": "intake_failed"}
    try:
        intake.settle(inspection)
    except Cancelled:
        return


def _task(node_id: str, kind: str) -> None:
    """Do a cleanup task, if it is still there."""
    objects = due_store.task_objects(node_id, kind)
    if objects is None:
        return
    if kind == "attachments":
        for node in attachments.revoke(*attachments.parse_task_key(node_id), objects):
            trash.purge(node)
        due_store.task_done(node_id, kind)
    elif kind == lost_access.REST:
        lost_access.abort_rest(node_id)
        due_store.task_done(node_id, kind)
    elif kind.startswith("erase#"):
        files.delete_objects(node_id, kind, objects)
    else:
        trash.run_task(node_id, kind, at_most=FOLDER_STEP)
