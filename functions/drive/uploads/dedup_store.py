"""De-duplication of uploads by `client_id`."""

from __future__ import annotations

from dataclasses import dataclass

from drive.item_store import Item
from drive.model import PendingUpload
from kernel.records import Mapper
from kernel.transactions import Transaction

_PART = "claim"  # as it is stored


@dataclass(frozen=True, slots=True)
class UploadDedup:
    """The upload begun with a client_id; requests with another `fingerprint` are refused."""

    file_id: str
    upload_id: str
    fingerprint: str


_dedups = Mapper(Item, UploadDedup, renamed={"file_id": "target"})


def find(user_id: str, client_id: str) -> UploadDedup | None:
    return _dedups.found(Item.find(_key(user_id, client_id), _PART))


def _key(user_id: str, client_id: str) -> str:
    return f"claim#{user_id}#{client_id}"


def stage(transaction: Transaction, upload: PendingUpload, fingerprint: str) -> None:
    """Save the upload of a client_id, if there is none yet (label `dedup`)."""
    made = UploadDedup(upload.file_id, upload.upload_id, fingerprint)
    item = _dedups.record(made, _key(upload.user_id, upload.client_id), _PART)
    transaction.put("dedup", item, Item.node_id.does_not_exist())


def stage_deletion(transaction: Transaction, upload: PendingUpload) -> None:
    """Forget the client_id of an upload that ends without its bytes: sent again, it begins anew (label `ended`)."""
    transaction.delete("ended", Item(_key(upload.user_id, upload.client_id), _PART))
