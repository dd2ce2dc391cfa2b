"""The devices that have got a push, in DynamoDB, so that each gets it once although jobs are repeated."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.update import Action

from kernel import clock
from kernel.dynamo import Record
from kernel.records import IntegerAttribute

_DEVICES = "devices"
KEPT_MS = 15 * clock.DAY  # longer than a dead letter, so that its redrive repeats no push
LEASE_MS = clock.MINUTE  # longer than the push function's timeout: then its claim is abandoned


class PushRecord(Record, table="notifications"):
    """The devices that a push is being sent to (`claimed`), and those that have got it (`done`)."""

    owner = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True, default=_DEVICES)
    claimed = UnicodeSetAttribute(null=True)
    done = UnicodeSetAttribute(null=True)
    claimed_at = IntegerAttribute(null=True)
    expires_at = IntegerAttribute(null=True)  # seconds: DynamoDB's TTL


def claim(push: str, devices: Collection[str]) -> set[str]:
    """The devices that the caller has to send a push to: without those that have got it or that another call has
    claimed within the last minute. Atomic, in one round trip."""
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
    leased = now - int(before.get("claimed_at", {}).get("N", 0)) < LEASE_MS
    return set(devices) - done - (claimed if leased else set())


def record_outcome(push: str, *, done: Collection[str], undone: Collection[str]) -> None:
    """Save which devices have got a push, and release the claims on those that have not."""
    actions: list[Action] = []
    if done:
        delivered: Any = set(done)
        actions.append(PushRecord.done.add(delivered))
    if undone:
        released: Any = set(undone)
        actions.append(PushRecord.claimed.delete(released))
    if actions:
        PushRecord(_key(push), _DEVICES).update(actions)


def sent_to(push: str) -> set[str]:
    """The devices that have got a push, or may have."""
    row = PushRecord.find(_key(push), _DEVICES)
    return set() if row is None else set(row.done or ()) | set(row.claimed or ())


def _key(push: str) -> str:
    return f"push#{push}"
