"""Devices and key packages in DynamoDB: parts of one table, under their owners."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError

from kernel import clock, parallel
from kernel.dynamo import Record, condition_failed
from kernel.reads import read_together
from kernel.transactions import Transaction
from keys.model import Device
from keys.packages import ValidPackage

_CANDIDATES = 10  # packages among which a claim chooses, so that concurrent claims seldom collide
_PER_TRANSACTION = 48  # packages, each with the mark of its reference


class _Part(Record, table="keys"):
    """An item of the table; `owner` is a person, a device's pool of packages, a session, a conversation or the log."""

    owner = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    expires_at = NumberAttribute(null=True)  # seconds: DynamoDB's TTL


class DeviceRecord(_Part, table="keys"):
    device_id = UnicodeAttribute()
    name = UnicodeAttribute()
    signature_key = BinaryAttribute(legacy_encoding=False)
    credential = BinaryAttribute(legacy_encoding=False)
    added_at = NumberAttribute()
    session_id = UnicodeAttribute()
    generation = UnicodeAttribute()
    last_resort = BinaryAttribute(legacy_encoding=False, null=True)
    last_resort_from = NumberAttribute(null=True)  # seconds
    last_resort_until = NumberAttribute(null=True)  # seconds


class PackageRecord(_Part, table="keys"):
    """A one-time package. Parts sort by the beginning of their lifetime, so that the oldest is claimed first."""

    package = BinaryAttribute(legacy_encoding=False)


class MarkRecord(_Part, table="keys"):
    """Marks the reference of a package as used, or maps a session to its `device_id`."""

    device_id = UnicodeAttribute(null=True)


# --- devices --------------------------------------------------------------------------------------------------


def _device_part(device_id: str) -> str:
    return f"device#{device_id}"


def _device(row: DeviceRecord) -> Device:
    return Device(
        row.owner, row.device_id, row.name, row.signature_key, row.credential, int(row.added_at), row.session_id,
        row.generation,
    )  # fmt: skip


def device(user_id: str, device_id: str) -> Device | None:
    row = DeviceRecord.find(user_id, _device_part(device_id))
    return None if row is None else _device(row)


def devices_of(user_ids: Iterable[str]) -> list[Device]:
    """All devices of these people: a query each, in parallel."""
    return [device for devices in parallel.mapped(_devices_of, user_ids) for device in devices]


def _devices_of(user_id: str) -> list[Device]:
    parts = DeviceRecord.part.startswith(_device_part(""))
    return [_device(row) for row in DeviceRecord.query(user_id, parts, consistent_read=True)]


def devices_named(pairs: Iterable[tuple[str, str]]) -> list[Device]:
    """The existing devices among these (person, device): one round trip per 100."""
    rows = read_together([(DeviceRecord, (user_id, _device_part(name))) for user_id, name in pairs])
    return [_device(row) for row in rows if row is not None]


def stage_device(transaction: Transaction, after: Device, before: Device | None) -> None:
    """Add a device or change its keys (label `device` fails upon a concurrent change)."""
    row = DeviceRecord(
        after.user_id,
        _device_part(after.device_id),
        device_id=after.device_id,
        name=after.name,
        signature_key=after.signature_key,
        credential=after.credential,
        added_at=after.added_at,
        session_id=after.session_id,
        generation=after.generation,
    )
    if before is None:
        transaction.put("device", row, DeviceRecord.owner.does_not_exist())
    else:
        transaction.put("device", row, DeviceRecord.generation == before.generation)
    transaction.put("session", _session_mark(after))


def rename(before: Device, after: Device) -> None:
    """Change a device's name and session; raises Cancelled upon a concurrent change."""
    transaction = Transaction()
    transaction.update(
        "device",
        DeviceRecord(before.user_id, _device_part(before.device_id)),
        [DeviceRecord.name.set(after.name), DeviceRecord.session_id.set(after.session_id)],
        DeviceRecord.generation == before.generation,
    )
    transaction.put("session", _session_mark(after))
    transaction.commit()


def stage_removal(transaction: Transaction, gone: Device) -> None:
    """Remove a device; label `device` fails upon a concurrent change, and if it is another session's by now.

    Its packages become invalid with its generation, and expire by TTL.
    """
    row = DeviceRecord(gone.user_id, _device_part(gone.device_id))
    unchanged = (DeviceRecord.generation == gone.generation) & (DeviceRecord.session_id == gone.session_id)
    transaction.delete("device", row, unchanged)


def _session_mark(device: Device) -> MarkRecord:
    return MarkRecord(device.session_id, "device", device_id=device.device_id)


def session_key(session_id: str) -> tuple[type[Record], tuple[str, str]]:
    """The model and key of a session's device, for a caller who reads it together with others; see `device_in`."""
    return MarkRecord, (session_id, "device")


def device_in(row: Any) -> str | None:
    """The device of a record that was read by `session_key`; None if the session has registered none."""
    return None if row is None else str(row.device_id)


# --- packages -------------------------------------------------------------------------------------------------


def _pool(device: Device) -> str:
    return f"{device.user_id}#{device.device_id}#{device.generation}"


def _seen_mark(reference: str) -> tuple[str, str]:
    return f"seen#{reference}", "package"


def known_references(references: Sequence[str]) -> set[str]:
    """The references of packages that were uploaded before: one round trip per 100."""
    rows = read_together([(MarkRecord, _seen_mark(reference)) for reference in references])
    return {reference for reference, row in zip(references, rows, strict=True) if row is not None}


def add_packages(device: Device, packages: Sequence[ValidPackage], last_resort: ValidPackage | None) -> None:
    """Save packages; raises Cancelled.

    A failed label is the reference of a package that was uploaded concurrently, or `device` if the device has changed
    its key or is removed.
    """
    for start in range(0, len(packages), _PER_TRANSACTION):
        transaction = Transaction()
        current = DeviceRecord.generation == device.generation
        transaction.check("device", DeviceRecord, (device.user_id, _device_part(device.device_id)), current)
        for each in packages[start : start + _PER_TRANSACTION]:
            _stage_seen(transaction, each)
            part = f"package#{each.not_before:012d}#{each.reference}"
            row = PackageRecord(_pool(device), part, package=each.message, expires_at=each.not_after)
            transaction.put("package", row)
        transaction.commit()
    if last_resort is not None:
        transaction = Transaction()
        _stage_seen(transaction, last_resort)
        transaction.update(
            "device",
            DeviceRecord(device.user_id, _device_part(device.device_id)),
            [
                DeviceRecord.last_resort.set(last_resort.message),
                DeviceRecord.last_resort_from.set(last_resort.not_before),
                DeviceRecord.last_resort_until.set(last_resort.not_after),
            ],
            DeviceRecord.generation == device.generation,
        )
        transaction.commit()


def _stage_seen(transaction: Transaction, package: ValidPackage) -> None:
    row = MarkRecord(*_seen_mark(package.reference), expires_at=package.not_after)
    transaction.put(package.reference, row, MarkRecord.owner.does_not_exist())


def available(device: Device) -> tuple[int, bool]:
    """The number of valid one-time packages, and whether there is one of last resort."""
    now = clock.now_s()
    count = PackageRecord.count(_pool(device), filter_condition=PackageRecord.expires_at > now, consistent_read=True)
    return count, last_resort(device) is not None


def last_resort(device: Device) -> bytes | None:
    """The device's package of last resort, if it is valid now."""
    row = DeviceRecord.find(device.user_id, _device_part(device.device_id))
    if row is None or row.generation != device.generation or row.last_resort is None:
        return None
    found: bytes = row.last_resort
    return found if int(row.last_resort_from) <= clock.now_s() < int(row.last_resort_until) else None


def take_package(device: Device) -> tuple[bytes, int] | None:
    """Claim a one-time package, exactly once under concurrency; also returns the number left (counted up to 10)."""
    while True:
        ready = _ready(device)
        if not ready:
            return None
        row = random.choice(ready)  # noqa: S311 - to avoid collisions, not for security
        try:
            row.delete(condition=PackageRecord.owner.exists())
        except DeleteError as error:
            if not condition_failed(error):
                raise
            continue  # claimed by another call
        return row.package, len(ready) - 1


def _ready(device: Device) -> list[PackageRecord]:
    now = clock.now_s()
    begun = PackageRecord.part.between("package#", f"package#{now + 1:012d}")
    rows = PackageRecord.query(
        _pool(device),
        begun,
        filter_condition=PackageRecord.expires_at > now,
        consistent_read=True,
        limit=_CANDIDATES,
    )
    return list(rows)
