"""Exports of the data held on a person: a ZIP with a JSON document and its schema for each kind, and their files."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from typing import Any

from accounts import admin_api as accounts
from audit import api as audit
from conversations import api as conversations
from drive import api as drive
from kernel import blobs, clock, ids, limiter, workflows
from kernel.caller import Caller
from kernel.errors import NotFound
from kernel.limiter import Limit
from kernel.paging import all_items
from kernel.personal_data import personal_data
from kernel.schema import as_json
from kernel.transactions import Transaction
from privacy import store
from privacy.model import EXPORT_LIFE_MS, DataExport
from users import api as users
from users.schemas import FullProfile

MACHINE = "account-export"
ADDRESS_S = 5 * 60
PAGE = 100
A_DAY = Limit("exports", requests=1, window_s=86_400, without_redis="closed")


def begin(*, caller: Caller, password: str | None) -> DataExport:
    """Begin an export; raises StepUpRequired, InvalidCredentials, RateLimited (one a day)."""
    accounts.require_recent_proof(caller, password)
    limiter.spend(A_DAY, caller.user_id)
    made = DataExport(caller.user_id, ids.new("exp"), "running", clock.now())
    transaction = Transaction()
    store.stage_export(transaction, made)
    audit.stage(transaction, "export.requested", actor=caller.user_id, target=caller.user_id)
    transaction.commit()
    workflows.start(MACHINE, made.id, {"user_id": caller.user_id, "export_id": made.id})
    return made


def render(export: DataExport) -> dict[str, Any]:
    """An export as its owner sees it, with a download URL signed for 5 minutes when it is ready."""
    url = None
    if export.state == "ready":
        url = blobs.download(
            export.key, "", name=f"{export.id}.zip", content_type="application/zip", expires_s=ADDRESS_S
        )
    return {
        "id": export.id,
        "status": export.state,
        "url": url,
        "size": export.size,
        "created_at": export.created_at,
        "expires_at": export.ends_at,
    }


def get(user_id: str, export_id: str) -> DataExport:
    """One of the person's exports; raises NotFound."""
    found = store.export(user_id, export_id) if ids.is_id(export_id, "exp") else None
    if found is None:
        raise NotFound
    return found


def list_exports(user_id: str) -> list[DataExport]:
    """The person's exports, newest first."""
    return store.exports(user_id)


# --- making ---------------------------------------------------------------------------------------------------


def make(user_id: str, export_id: str) -> None:
    """Write the ZIP and mark the export as ready; a retry starts from the beginning. Raises NotFound."""
    export = get(user_id, export_id)
    if export.status != "running":
        return
    with (
        blobs.writing(export.key, content_type="application/zip") as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,  # type: ignore[call-overload]
    ):
        for kind, items in _documents(user_id):
            _write(archive, kind, items)
        for name, size, content in drive.contents_of(user_id):
            entry = zipfile.ZipInfo(f"files/{name}")
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.file_size = size  # above 2 GiB an entry needs longer fields, which stand before its bytes
            with archive.open(entry, "w") as member:
                for chunk in content:
                    member.write(chunk)
    store.save_export(
        DataExport(user_id, export_id, "ready", export.created_at, size=file.size, ends_at=clock.now() + EXPORT_LIFE_MS)
    )


def fail(user_id: str, export_id: str) -> None:
    """Mark an export as failed; raises NotFound."""
    export = get(user_id, export_id)
    store.save_export(DataExport(user_id, export_id, "failed", export.created_at))


def _write(archive: zipfile.ZipFile, kind: str, items: list[dict[str, Any]]) -> None:
    archive.writestr(f"{kind}.json", json.dumps(items, ensure_ascii=False, indent=1, default=str))
    archive.writestr(f"schemas/{kind}.schema.json", json.dumps(_schema(kind, items), indent=1))


def _schema(kind: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    """A JSON Schema derived from a document: its fields and the types of their values."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    properties: dict[str, set[str]] = {}
    for item in items:
        for name, value in item.items():
            properties.setdefault(name, set()).add(names.get(type(value), "null"))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind,
        "type": "array",
        "items": {"type": "object", "properties": {name: {"type": sorted(t)} for name, t in properties.items()}},
    }


def _documents(user_id: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    me = Caller(user_id, "")
    yield "profile", [as_json(FullProfile, users.get(user_id))]
    yield "sessions", accounts.session_views(user_id)
    yield "contacts", _all(lambda after: users.contacts(user_id=user_id, state=None, limit=PAGE, after=after))
    yield "blocks", _all(lambda after: users.blocks(user_id=user_id, limit=PAGE, after=after))
    mine = _all(lambda after: conversations.list_conversations(caller=me, limit=PAGE, after=after))
    yield "conversations", mine
    yield "security_log", audit.entries_about(user_id)
    yield "exports", [_plain(each) for each in list_exports(user_id)]
    yield from personal_data(user_id)


def _all(read: Any) -> list[dict[str, Any]]:
    return [_plain(each) for each in all_items(read)]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
