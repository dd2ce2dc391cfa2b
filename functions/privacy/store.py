"""Raw rows of any table for erasure, and the records of exports.

Erasure scans whole tables: rows that no index leads to must be found as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from kernel import clock
from kernel.config import config
from kernel.dynamo import Record, connection
from kernel.records import IntegerAttribute, Mapper
from kernel.transactions import Transaction
from privacy.model import DataExport

Row = Mapping[str, Any]
PAGE = 500


def page(table: str, cursor: dict[str, Any] | None) -> tuple[list[Row], dict[str, Any] | None]:
    """Up to 500 raw rows of a table, and the key to continue from (None: no more)."""
    request: dict[str, Any] = {"TableName": config().table(table), "Limit": PAGE, "ConsistentRead": True}
    if cursor is not None:
        request["ExclusiveStartKey"] = cursor
    answer = connection().dispatch("Scan", request)
    return list(answer["Items"]), answer.get("LastEvaluatedKey")


def delete(table: str, row: Row, keys: tuple[str, ...]) -> None:
    """Delete a raw row by its key attributes, if it still exists."""
    key = {name: row[name] for name in keys}
    connection().dispatch("DeleteItem", {"TableName": config().table(table), "Key": key})


def text(row: Row, name: str) -> str:
    """A string attribute of a raw row, empty if it is missing."""
    return str(row.get(name, {}).get("S", ""))


def mentions(row: Row, user_id: str) -> bool:
    """Whether an id occurs anywhere in a raw row, in keys, values or binary attributes."""
    return user_id in json.dumps(row, default=lambda raw: bytes(raw).decode("utf-8", "replace"), ensure_ascii=False)


class ExportRecord(Record, table="exports"):
    user_id = UnicodeAttribute(hash_key=True)
    export_id = UnicodeAttribute(range_key=True)
    status = UnicodeAttribute()
    created_at = IntegerAttribute()
    size = IntegerAttribute(null=True)
    ends_at = IntegerAttribute(null=True)
    expires_at = IntegerAttribute()  # seconds: DynamoDB's TTL


KEPT_MS = 30 * clock.DAY
_EXPORT = Mapper(ExportRecord, DataExport, renamed={"id": "export_id"})


def exports(user_id: str) -> list[DataExport]:
    """A person's exports, the newest first."""
    return _EXPORT.values(ExportRecord.query(user_id, scan_index_forward=False, consistent_read=True))


def export(user_id: str, export_id: str) -> DataExport | None:
    return _EXPORT.found(ExportRecord.find(user_id, export_id))


def _record(export: DataExport) -> ExportRecord:
    return ExportRecord(
        export.user_id,
        export.id,
        status=export.status,
        created_at=export.created_at,
        size=export.size,
        ends_at=export.ends_at,
        expires_at=(export.created_at + KEPT_MS) // clock.SECOND,
    )


def stage_export(transaction: Transaction, export: DataExport) -> None:
    transaction.put("export", _record(export))


def save_export(export: DataExport) -> None:
    _record(export).save()
