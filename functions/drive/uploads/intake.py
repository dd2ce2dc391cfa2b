"""The intake: what is done with bytes that have arrived, until their file is ready or rejected.

Every step may be repeated and may come late: it looks whether its upload is still the one that is expected.
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
from kernel.dynamo import Cancelled, Transaction
from realtime import api as realtime

THUMBNAIL_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/tiff"})
THUMBNAIL_FROM_MAX_BYTES = 32 * model.MIB
SCANS_AWAITED = 180  # times 10 s


def _expected(key: str) -> tuple[NodeAccess | None, PendingUpload | None]:
    _, _, rest = key.partition("files/")
    file_id, _, upload_id = rest.partition("/")
    found = store.node_access(file_id)
    pending = found.upload if found is not None else None
    return found, pending if pending is not None and pending.upload_id == upload_id else None


def inspect(key: str, version: str) -> dict[str, Any]:
    """Look at arrived bytes, one 8 MiB range after the other.

    Returns key, version and `verdict`: `clean`, `scanning`, `rejected` with a reason, or `stale` for bytes that
    nobody expects (they are removed).
    """
    seen = {"key": key, "version": version, "reason": None, "image": False, "attempts": 0}
    blob = blobs.find(key, version)
    if blob is None:
        return {**seen, "verdict": "stale"}
    seen["version"] = blob.version
    found, upload = _expected(key)
    if upload is None:
        _remove_unless_kept(found, blob)
        return {**seen, "verdict": "stale"}
    if blob.size != upload.size:
        return {**seen, "verdict": "rejected", "reason": "size_mismatch"}
    reason, verdict = _examine(blob, upload)
    image = upload.content_type in THUMBNAIL_TYPES and 0 < upload.size <= THUMBNAIL_FROM_MAX_BYTES
    return {**seen, "verdict": verdict, "reason": reason, "image": image}


def _remove_unless_kept(found: NodeAccess | None, blob: Blob) -> None:
    """Remove bytes that came to an address again after its upload had ended."""
    kept = store.versions(found.node.id) if found is not None else []
    if not any((each.object_key, each.object_version) == (blob.key, blob.version) for each in kept):
        blobs.remove(blob.key, blob.version)
        telemetry.count("StaleBlobs")


def _examine(blob: Blob, upload: PendingUpload) -> tuple[str | None, str]:
    """What is wrong with the bytes, and the verdict."""
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
    return _scanned(scanner.verdict(blob))


def _scanned(verdict: antivirus.Verdict) -> tuple[str | None, str]:
    if verdict == "infected":
        telemetry.count("InfectedFiles")
        return "infected", "rejected"
    return None, "scanning" if verdict == "pending" else "clean"


def look_for_verdict(seen: dict[str, Any]) -> dict[str, Any]:
    """Ask again whether a scan has ended; after half an hour the file is rejected as not scanned."""
    blob = blobs.find(seen["key"], seen["version"])
    if blob is None:
        return {**seen, "verdict": "stale"}
    reason, verdict = _scanned(antivirus.GuardDuty().verdict(blob))
    attempts = seen["attempts"] + 1
    if verdict == "scanning" and attempts >= SCANS_AWAITED:
        reason, verdict = "not_scanned", "rejected"
    return {**seen, "verdict": verdict, "reason": reason, "attempts": attempts}


# --- settling -------------------------------------------------------------------------------------------------


def settle(seen: dict[str, Any]) -> str:
    """Make the file ready or rejected, once, and tell its people. Returns what became of it.

    Who was removed, or lost the right to edit, after the upload began puts nothing in any more (R6).
    """
    found, upload = _expected(seen["key"])
    if found is None or upload is None:
        return "stale"
    accepted, reason = seen["verdict"] == "clean", seen["reason"]
    if accepted and not access.may_still_upload(found, upload.user_id, new_file=upload.version == 1):
        accepted, reason = False, "not_allowed"
    if accepted:  # before it can be seen, and again if the step is repeated: a file that is ready is found
        term_store.index(found.node.owner_id, found.node.id, model.terms(_name(found.node, upload)))
    try:
        node = _accept(found.node, upload, seen) if accepted else _reject(found.node, upload, reason)
    except Cancelled:
        again, pending = _expected(seen["key"])
        if again is None or pending is None:
            return "stale"  # aborted or settled in this moment
        raise
    if accepted:
        files.note(node, upload.user_id, "uploaded", version=node.version)
        files.drop_old_versions(node)
    else:
        _remove(seen)
    telemetry.count("FilesReady" if accepted else "FilesRejected")
    _tell(node, upload, accepted, reason)
    return "ready" if accepted else "rejected"


def _name(node: Node, upload: PendingUpload) -> str:
    """A first version's file may have been renamed meanwhile; a further one brings its name."""
    return node.name if upload.version == 1 else upload.name


def _remove(seen: dict[str, Any]) -> None:
    """Remove bytes that were refused, and the picture made of them."""
    blobs.remove(seen["key"], seen["version"])
    picture = blobs.find(seen["thumbnail"]["key"]) if seen.get("thumbnail") else None
    if picture is not None:
        blobs.remove(picture.key, picture.version)


def _accept(node: Node, upload: PendingUpload, seen: dict[str, Any]) -> Node:
    picture = seen.get("thumbnail") or {}
    version = Version(
        file_id=node.id,
        number=upload.version,
        name=upload.name,
        size=upload.size,
        content_type=upload.content_type,
        sha256=upload.sha256,
        object_key=upload.object_key,
        object_version=seen["version"],
        thumbnail_key=picture.get("key"),
        width=picture.get("width"),
        height=picture.get("height"),
        user_id=upload.user_id,
        created_at=upload.created_at,
    )
    now = max(clock.now(), node.updated_at + 1)
    after = replace(model.with_version(node, version), name=_name(node, upload), reject_reason=None, updated_at=now)
    if node.state != "trashed":
        after = replace(after, state="ready")
    due_at = None if node.trashed_at is None else node.trashed_at + model.TRASH_KEPT_MS

    def stage(transaction: Transaction) -> None:
        store.stage_upload_gone(transaction, upload)
        store.stage_version(transaction, version)
        store.stage_node(transaction, node, after, due_at=due_at)
        usage_store.stage_change(
            transaction, node.owner_id, used={media_types.category(upload.content_type): upload.size}
        )

    store.commit(stage)
    return after


def _reject(node: Node, upload: PendingUpload, reason: str) -> Node:
    """A first version leaves a rejected file that tells why; of a further one only the news is left."""
    now = max(clock.now(), node.updated_at + 1)
    first = upload.version == 1
    after = replace(node, state="rejected", reject_reason=reason, updated_at=now) if first else node

    def stage(transaction: Transaction) -> None:
        store.stage_upload_gone(transaction, upload)
        usage_store.stage_change(transaction, node.owner_id, taken=-upload.size)
        if first:
            store.stage_node(transaction, node, after, due_at=now + model.REJECTED_KEPT_MS)

    store.commit(stage)
    return after


def _tell(node: Node, upload: PendingUpload, accepted: bool, reason: str | None) -> None:
    """`file.ready` or `file.rejected` to the owner and the uploader. A hint: it never fails what is settled."""
    data = views.file(node)
    if not accepted and upload.version > 1:
        data |= {"state": "rejected", "reject_reason": reason, "version": upload.version}
    try:
        from drive.schemas import FileEvent

        kind = "file.ready" if accepted else "file.rejected"
        event = {"type": kind, "conversation_id": node.conversation_id, "at": clock.now(), "data": data}
        frame = FileEvent.model_validate(event).model_dump_json(exclude_none=False)
        realtime.publish([frame], dict.fromkeys([node.owner_id, upload.user_id]))
    except Exception as error:
        telemetry.logger().error("not published", exc_info=error, extra={"file_id": node.id})


def restart(upload: PendingUpload) -> bool:
    """Start the intake again for bytes that lie there; False when there are none."""
    from kernel import workflows

    blob = blobs.find(upload.object_key)
    if blob is None:
        return False
    given = {"detail": {"object": {"key": blob.key, "version-id": blob.version}}}
    workflows.start("file-intake", ids.new("run"), given)
    return True
