"""Which devices a push was sent to, in DynamoDB: so that each gets it once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.update import Action

from kernel import clock
from kernel.dynamo import Record, TableName
from kernel.records import IntegerAttribute

_DEVICES = "devices"
KEPT_MS = 15 * clock.DAY  # longer than a dead letter, so that its redrive repeats nothing
LEASE_MS = clock.MINUTE  # longer than the push function may run: then nobody is at it any more


class PushRecord(Record):
    """Which devices are being sent a push (`claimed`) and which have got it (`done`)."""

    class Meta:
        table_name = TableName("notifications")

    owner = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True, default=_DEVICES)
    claimed = UnicodeSetAttribute(null=True)
    done = UnicodeSetAttribute(null=True)
    claimed_at = IntegerAttribute(null=True)
    expires_at = IntegerAttribute(null=True)  # seconds: DynamoDB's TTL


def claim(push: str, devices: Collection[str]) -> set[str]:
    """Those of these devices that this call has to send a push to: none that has got it, or that another call is
    sending to. One round trip, however often and by how many it is called."""
    if not devices:
        return set()
    wanted: Any = set(devices)
    now = clock.now()
    answer = PushRecord._get_connection().update_item(
        _key(push),
        _DEVICES,
        actions=[
            PushRecord.claimed.add(wanted),
            PushRecord.claimed_at.set(now),
            PushRecord.expires_at.set((now + KEPT_MS) // clock.SECOND),
        ],
        return_values="ALL_OLD",
    )
    before = answer.get("Attributes") or {}
    done = set(before.get("done", {}).get("SS", ()))
    claimed = set(before.get("claimed", {}).get("SS", ()))
    held = now - int(before.get("claimed_at", {}).get("N", 0)) < LEASE_MS
    return set(devices) - done - (claimed if held else set())


def settle(push: str, *, done: Collection[str], undone: Collection[str]) -> None:
    """Note which devices have got a push, and give back those that have not, for another try."""
    actions: list[Action] = []
    if done:
        got: Any = set(done)
        actions.append(PushRecord.done.add(got))
    if undone:
        free: Any = set(undone)
        actions.append(PushRecord.claimed.delete(free))
    if actions:
        PushRecord(_key(push), _DEVICES).update(actions)


def sent_to(push: str) -> set[str]:
    """The devices that have got a push, or may have."""
    row = PushRecord.find(_key(push), _DEVICES)
    return set() if row is None else set(row.done or ()) | set(row.claimed or ())


def _key(push: str) -> str:
    return f"push#{push}"
