"""Pending Welcomes in DynamoDB, under the person whose device they are for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from kernel import clock, parallel
from kernel.transactions import Transaction
from keys.model import Welcome
from keys.store import _Part

WELCOME_DAYS = 90


class WelcomeRecord(_Part, table="keys"):
    device_id = UnicodeAttribute()
    conversation_id = UnicodeAttribute()
    epoch = NumberAttribute()
    content = BinaryAttribute(legacy_encoding=False, null=True)
    blob = UnicodeAttribute(null=True)


def _welcome_part(welcome_id: str) -> str:
    return f"welcome#{welcome_id}"


def save(welcomes: Sequence[Welcome]) -> None:
    """Save Welcomes, in parallel. Idempotent."""
    parallel.mapped(_save_welcome, welcomes)


def _save_welcome(each: Welcome) -> None:
    _welcome_record(each).save()


def stage(transaction: Transaction, each: Welcome) -> None:
    transaction.put("welcome", _welcome_record(each))


def _welcome_record(each: Welcome) -> WelcomeRecord:
    return WelcomeRecord(
        each.user_id,
        _welcome_part(each.id),
        device_id=each.device_id,
        conversation_id=each.conversation_id,
        epoch=each.epoch,
        content=each.content,
        blob=each.blob,
        expires_at=clock.now_s() + WELCOME_DAYS * 86_400,
    )


def pending(user_id: str, device_id: str, *, after: str | None, limit: int) -> list[Welcome]:
    """The pending Welcomes of a device, oldest first."""
    rows: Any = WelcomeRecord.query(
        user_id,
        WelcomeRecord.part.between(_welcome_part(f"{after}~" if after else ""), _welcome_part("~")),
        filter_condition=WelcomeRecord.device_id == device_id,
        consistent_read=True,
        limit=limit,
    )
    return [_welcome(row) for row in rows if int(row.expires_at or 0) > clock.now_s()]


def _welcome(row: WelcomeRecord) -> Welcome:
    return Welcome(
        row.part.partition("#")[2], row.owner, row.device_id, row.conversation_id, int(row.epoch), row.content,
        row.blob,
    )  # fmt: skip


def delete(user_id: str, welcome_id: str) -> Welcome | None:
    """Delete a Welcome; returns it, or None if there is none."""
    row = WelcomeRecord.find(user_id, _welcome_part(welcome_id))
    if row is None:
        return None
    row.delete()
    return _welcome(row)
