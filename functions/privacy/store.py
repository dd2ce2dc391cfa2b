"""Reading and removing rows of any table, and the exports that people asked for.

Erasure looks at whole tables by their raw rows: a row that no index leads to must be found as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from kernel import clock
from kernel.config import config
from kernel.dynamo import Record, TableName, Transaction, connection
from kernel.records import IntegerAttribute, Mapper
from privacy.model import DataExport

Row = Mapping[str, Any]
PAGE = 500


def page(table: str, cursor: dict[str, Any] | None) -> tuple[list[Row], dict[str, Any] | None]:
    """The next raw rows of a table, and where to go on (None: that was all)."""
    request: dict[str, Any] = {"TableName": config().table(table), "Limit": PAGE, "ConsistentRead": True}
    if cursor is not None:
        request["ExclusiveStartKey"] = cursor
    answer = connection().dispatch("Scan", request)
    return list(answer["Items"]), answer.get("LastEvaluatedKey")


def delete(table: str, row: Row, keys: tuple[str, ...]) -> None:
    """Delete a raw row by its keys; one that has gone is fine."""
    key = {name: row[name] for name in keys}
    connection().dispatch("DeleteItem", {"TableName": config().table(table), "Key": key})


def text(row: Row, name: str) -> str:
    """A text attribute of a raw row, empty where there is none."""
    return str(row.get(name, {}).get("S", ""))


def holds(row: Row, wanted: str) -> bool:
    """Whether a text stands anywhere in a raw row."""
    return wanted in json.dumps(row, default=lambda raw: bytes(raw).decode("utf-8", "replace"), ensure_ascii=False)


class ExportRecord(Record):
    class Meta:
        table_name = TableName("exports")

    user_id = UnicodeAttribute(hash_key=True)
    export_id = UnicodeAttribute(range_key=True)
    status = UnicodeAttribute()
    created_at = IntegerAttribute()
    size = IntegerAttribute(null=True)
    ends_at = IntegerAttribute(null=True)
    expires_at = IntegerAttribute()  # seconds: DynamoDB's TTL


KEPT_MS = 30 * clock.DAY
_EXPORT = Mapper(
    ExportRecord,
    DataExport,
    renamed={"id": "export_id"},
)


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


def keep_export(export: DataExport) -> None:
    _record(export).save()
