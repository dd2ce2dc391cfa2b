"""The intake: from uploaded bytes to a ready or rejected file.

Every step may be repeated or late: it first checks that its upload is still the pending one. Steps pass an `inspection`
on: `{key, version, verdict, reason, image, attempts, thumbnail?}`.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from drive import media_types, model, store, views
from drive.files import access, term_store
from drive.files import service as files
from drive.item_store import NodeAccess
from drive.model import Node, PendingUpload, Version
from drive.uploads import antivirus, archives, contents, usage_store
from kernel import blobs, clock, ids, telemetry
from kernel.blobs import Blob
from kernel.transactions import Cancelled, Transaction
from realtime import api as realtime

THUMBNAIL_TYPES = frozenset(f"image/{kind}" for kind in ("jpeg", "png", "gif", "webp", "avif", "bmp", "tiff"))
THUMBNAIL_FROM_MAX_BYTES = 32 * model.MIB
SCANS_AWAITED = 180  # times 10 s


def _find_pending(key: str) -> tuple[NodeAccess | None, PendingUpload | None]:
    _, _, rest = key.partition("files/")
    file_id, _, upload_id = rest.partition("/")
    found = store.node_access(file_id)
    pending = found.upload if found is not None else None
    return found, pending if pending is not None and pending.upload_id == upload_id else None


def inspect(key: str, version: str) -> dict[str, Any]:
    """Inspect uploaded bytes, in ranges of 8 MiB.

    `verdict` is `clean`, `scanning`, `rejected` with a `reason`, or `stale` for bytes without a pending upload, which
    are deleted.
    """
    inspection = {"key": key, "version": version, "reason": None, "image": False, "attempts": 0}
    blob = blobs.find(key, version)
    if blob is None:
        return {**inspection, "verdict": "stale"}
    inspection["version"] = blob.version
    found, upload = _find_pending(key)
    if upload is None:
        _remove_unless_kept(found, blob)
        return {**inspection, "verdict": "stale"}
    if blob.size != upload.size:
        return {**inspection, "verdict": "rejected", "reason": "size_mismatch"}
    reason, verdict = _examine(blob, upload)
    image = upload.content_type in THUMBNAIL_TYPES and 0 < upload.size <= THUMBNAIL_FROM_MAX_BYTES
    return {**inspection, "verdict": verdict, "reason": reason, "image": image}


def _remove_unless_kept(found: NodeAccess | None, blob: Blob) -> None:
    """Delete bytes that were uploaded again after their upload had ended."""
    kept = store.versions(found.node.id) if found is not None else []
    if not any((each.object_key, each.object_version) == (blob.key, blob.version) for each in kept):
        blobs.remove(blob.key, blob.version)
        telemetry.count("StaleBlobs")


def _examine(blob: Blob, upload: PendingUpload) -> tuple[str | None, str]:
    """The reason for a rejection, and the verdict."""
    declared = upload.content_type
    head = blobs.read(blob, 0, contents.HEAD_BYTES)
    tail = blobs.read(blob, max(0, blob.size - contents.TAIL_BYTES), contents.TAIL_BYTES)
    problem = contents.type_problem(declared, head) or contents.polyglot_problem(declared, head, tail, blob.size)
    if problem is None and contents.holds_zip(declared, head, tail, blob.size):
        problem = contents.verdict(declared, archives.zip_problem(blob))
    if problem is not None:
        return problem, "rejected"
    digest, scanner = hashlib.sha256(), antivirus.scanner()
    meter = archives.GzipMeter() if contents.holds_gzip(declared, head) else None
    for chunk in blobs.chunks(blob):
        digest.update(chunk)
        scanner.feed(chunk)
        if meter is not None:
            meter.feed(chunk)
            if problem := contents.verdict(declared, meter.problem):
                return problem, "rejected"
    telemetry.count("InspectedBytes", blob.size)
    if digest.hexdigest() != upload.sha256:
        return "checksum_mismatch", "rejected"
    return _scan_outcome(scanner.verdict(blob))


def _scan_outcome(verdict: antivirus.Verdict) -> tuple[str | None, str]:
    if verdict == "infected":
        telemetry.count("InfectedFiles")
        return "infected", "rejected"
    return None, "scanning" if verdict == "pending" else "clean"


def poll_scan(inspection: dict[str, Any]) -> dict[str, Any]:
    """The inspection with the scan's verdict; after `SCANS_AWAITED` attempts (half an hour) the file is rejected."""
    blob = blobs.find(inspection["key"], inspection["version"])
    if blob is None:
        return {**inspection, "verdict": "stale"}
    reason, verdict = _scan_outcome(antivirus.GuardDuty().verdict(blob))
    attempts = inspection["attempts"] + 1
    if verdict == "scanning" and attempts >= SCANS_AWAITED:
        reason, verdict = "not_scanned", "rejected"
    return {**inspection, "verdict": verdict, "reason": reason, "attempts": attempts}


# --- the outcome ----------------------------------------------------------------------------------------------


def settle(inspection: dict[str, Any]) -> str:
    """Make the file ready or rejected, once, and publish that; returns `ready`, `rejected` or `stale`.

    The file is rejected if the uploader has lost access since the upload began (R6).
    """
    found, upload = _find_pending(inspection["key"])
    if found is None or upload is None:
        return "stale"
    accepted, reason = inspection["verdict"] == "clean", inspection["reason"]
    if accepted and not access.may_still_upload(found, upload):
        accepted, reason = False, "not_allowed"
    if accepted:  # before the file is ready, so that a ready file is always indexed
        term_store.index(found.node.owner_id, found.node.id, model.terms(_name(found.node, upload)))
    try:
        node = _accept(found.node, upload, inspection) if accepted else _reject(found.node, upload, reason)
    except Cancelled:
        again, pending = _find_pending(inspection["key"])
        if again is None or pending is None:
            return "stale"  # aborted or settled concurrently
        raise
    if accepted:
        files.record_activity(node, upload.user_id, "uploaded", version=node.version)
        files.delete_old_versions(node)
    else:
        _remove(inspection)
    telemetry.count("FilesReady" if accepted else "FilesRejected")
    _publish_outcome(node, upload, accepted, reason)
    return "ready" if accepted else "rejected"


def _name(node: Node, upload: PendingUpload) -> str:
    """The name after the upload: a new file may have been renamed meanwhile, a further version sets its own name."""
    return node.name if upload.version == 1 else upload.name


def _remove(inspection: dict[str, Any]) -> None:
    """Delete rejected bytes and their thumbnail."""
    if inspection["version"]:  # without one, S3 would only hide the bytes
        blobs.remove(inspection["key"], inspection["version"])
    thumbnail = blobs.find(inspection["thumbnail"]["key"]) if inspection.get("thumbnail") else None
    if thumbnail is not None:
        blobs.remove(thumbnail.key, thumbnail.version)


def _accept(node: Node, upload: PendingUpload, inspection: dict[str, Any]) -> Node:
    thumbnail = inspection.get("thumbnail") or {}
    version = Version(
        file_id=node.id,
        number=upload.version,
        name=upload.name,
        size=upload.size,
        content_type=upload.content_type,
        sha256=upload.sha256,
        object_key=upload.object_key,
        object_version=inspection["version"],
        thumbnail_key=thumbnail.get("key"),
        width=thumbnail.get("width"),
        height=thumbnail.get("height"),
        user_id=upload.user_id,
        created_at=upload.created_at,
    )
    now = max(clock.now(), node.updated_at + 1)
    after = replace(model.with_version(node, version), name=_name(node, upload), reject_reason=None, updated_at=now)
    if node.state != "trashed":
        after = replace(after, state="ready")
    due_at = None if node.trashed_at is None else node.trashed_at + model.TRASH_KEPT_MS

    def stage(transaction: Transaction) -> None:
        store.stage_upload_deletion(transaction, upload)
        store.stage_version(transaction, version)
        store.stage_node(transaction, node, after, due_at=due_at)
        usage_store.stage_change(
            transaction, node.owner_id, used={media_types.category(upload.content_type): upload.size}
        )

    store.commit(stage)
    return after


def _reject(node: Node, upload: PendingUpload, reason: str) -> Node:
    """Reject an upload: a new file stays for a while with the reason, an existing one is unchanged."""
    now = max(clock.now(), node.updated_at + 1)
    first = upload.version == 1
    after = replace(node, state="rejected", reject_reason=reason, updated_at=now) if first else node

    def stage(transaction: Transaction) -> None:
        store.stage_upload_deletion(transaction, upload)
        usage_store.stage_change(transaction, node.owner_id, taken=-upload.size)
        if first:
            store.stage_node(transaction, node, after, due_at=now + model.REJECTED_KEPT_MS)

    store.commit(stage)
    return after


def _publish_outcome(node: Node, upload: PendingUpload, accepted: bool, reason: str | None) -> None:
    """Publish `file.ready` or `file.rejected` to the owner and the uploader; best effort."""
    data = views.file(node)
    if not accepted and upload.version > 1:
        data |= {"state": "rejected", "reject_reason": reason, "version": upload.version}
    with telemetry.best_effort("not published", file_id=node.id):
        from drive.route_schemas import FileEvent

        kind = "file.ready" if accepted else "file.rejected"
        event = {"type": kind, "conversation_id": node.conversation_id, "at": clock.now(), "data": data}
        frame = FileEvent.model_validate(event).model_dump_json(exclude_none=False)
        realtime.publish([frame], dict.fromkeys([node.owner_id, upload.user_id]))


def restart(upload: PendingUpload) -> bool:
    """Start the intake again; False if no bytes have been uploaded."""
    from kernel import workflows

    blob = blobs.find(upload.object_key)
    if blob is None:
        return False
    given = {"detail": {"object": {"key": blob.key, "version-id": blob.version}}}
    workflows.start("file-intake", ids.new("run"), given)
    return True
