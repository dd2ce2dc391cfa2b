"""Devices, preferences and list items in DynamoDB: a row per person, per token or endpoint, and per item."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import time
from typing import Any

from pynamodb.attributes import JSONAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action

from kernel import clock
from kernel.dynamo import Key, Record
from kernel.errors import Conflict
from kernel.reads import read_together
from kernel.records import IntegerAttribute, Mapper, ValueAttribute, known_fields
from kernel.transactions import Cancelled, Transaction
from notifications.model import (
    MAX_DEVICES,
    NoticePreferences,
    NotificationItem,
    PushEndpoint,
    QuietHours,
    RegisteredDevice,
)

_PERSON, _KEY = "person", "device"
_ITEM = "item#"
_AFTER_ITEMS = "item$"  # sorts behind every item
ITEM_KEPT_MS = 90 * clock.DAY


# --- records --------------------------------------------------------------------------------------------------


def _devices_read(kept: Mapping[str, Any]) -> dict[str, RegisteredDevice]:
    device, subscription = known_fields(RegisteredDevice), known_fields(PushEndpoint)
    return {
        name: device({**each, "subscription": each.get("subscription") and subscription(each["subscription"])})
        for name, each in kept.items()
    }


def _devices_written(devices: Mapping[str, RegisteredDevice]) -> dict[str, Any]:
    return {name: asdict(each) for name, each in devices.items()}


def _preferences_read(kept: Mapping[str, Any]) -> NoticePreferences:
    quiet = kept.get("quiet_hours")
    hours = quiet and QuietHours(
        time.fromisoformat(quiet["begins"]), time.fromisoformat(quiet["ends"]), quiet["timezone"]
    )
    return known_fields(NoticePreferences)({**kept, "quiet_hours": hours})


def _preferences_written(preferences: NoticePreferences) -> dict[str, Any]:
    quiet = preferences.quiet_hours
    hours = quiet and {
        "begins": quiet.begins.isoformat("minutes"),
        "ends": quiet.ends.isoformat("minutes"),
        "timezone": quiet.timezone,
    }
    return {**asdict(preferences), "quiet_hours": hours}


class PersonRecord(Record, table="devices"):
    """A person's devices, preferences and marker; `version` counts changes of devices (optimistic locking)."""

    owner = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True, default=_PERSON)
    devices: ValueAttribute[dict[str, RegisteredDevice]] = ValueAttribute(_devices_read, _devices_written, null=True)
    preferences: ValueAttribute[NoticePreferences] = ValueAttribute(_preferences_read, _preferences_written, null=True)
    read_up_to = UnicodeAttribute(null=True)
    version = IntegerAttribute(null=True)


class KeyRecord(Record, table="devices"):
    """The one device that a token or an endpoint belongs to."""

    owner = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True, default=_KEY)
    user_id = UnicodeAttribute()
    device_id = UnicodeAttribute()


class ItemRecord(Record, table="notifications"):
    owner = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    kind = UnicodeAttribute()
    at = IntegerAttribute()
    conversation_id = UnicodeAttribute(null=True)
    message_id = UnicodeAttribute(null=True)
    actor_id = UnicodeAttribute(null=True)
    reference = JSONAttribute(null=True)
    expires_at = IntegerAttribute()  # seconds: DynamoDB's TTL


# --- people ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Addressee:
    """A person's devices by id, preferences, and the last list item they have read."""

    user_id: str
    devices: Mapping[str, RegisteredDevice] = field(default_factory=dict)
    preferences: NoticePreferences = field(default_factory=NoticePreferences)
    read_up_to: str = ""
    version: int = 0


_people = Mapper(PersonRecord, Addressee, renamed={"user_id": "owner"})


def person_key(user_id: str) -> tuple[type[Record], Key]:
    """The model and key of a person's row, for a caller who reads it together with others; see `person_in`."""
    return PersonRecord, (user_id, _PERSON)


def person_in(user_id: str, row: Any) -> Addressee:
    """The person of a row that was read by `person_key`; the defaults for a missing row."""
    return Addressee(user_id) if row is None else _people.value(row)


def person(user_id: str) -> Addressee:
    return person_in(user_id, PersonRecord.find(user_id, _PERSON))


def people(user_ids: Sequence[str]) -> dict[str, Addressee]:
    """These people: one round trip per 100."""
    rows = read_together([person_key(user_id) for user_id in user_ids])
    return {user_id: person_in(user_id, row) for user_id, row in zip(user_ids, rows, strict=True)}


def register(device: RegisteredDevice) -> RegisteredDevice:
    """Save a device in place of the one with its id, and take its token or endpoint from any other device.

    Returns the device as saved: one that was registered before keeps the time of its first registration.

    Raises Conflict upon a concurrent change.
    """
    before, taken = _read_with_key(device)
    known = before.devices.get(device.device_id)
    if known is not None:
        device = replace(device, created_at=known.created_at)
    transaction = Transaction()
    devices = {name: each for name, each in before.devices.items() if each.key != device.key}
    if device.device_id not in devices and len(devices) >= MAX_DEVICES:
        oldest = min(devices.values(), key=lambda each: each.updated_at)
        _stage_key_removal(transaction, devices.pop(oldest.device_id))
    replaced = devices.get(device.device_id)
    if replaced is not None and replaced.key != device.key:
        _stage_key_removal(transaction, replaced)
    _stage_devices(transaction, before, {**devices, device.device_id: device})
    transaction.put(
        "key", KeyRecord(f"key#{device.key}", user_id=device.user_id, device_id=device.device_id), _unchanged(taken)
    )
    if taken is not None and taken.user_id != device.user_id:
        other = person(taken.user_id)
        left = {name: each for name, each in other.devices.items() if each.key != device.key}
        if left != other.devices:
            _stage_devices(transaction, other, left)
    _commit(transaction)
    return device


def _read_with_key(device: RegisteredDevice) -> tuple[Addressee, Any]:
    row, taken = read_together([person_key(device.user_id), (KeyRecord, (f"key#{device.key}", _KEY))])
    return person_in(device.user_id, row), taken


def _unchanged(taken: Any) -> Any:
    if taken is None:
        return KeyRecord.owner.does_not_exist()
    return (KeyRecord.user_id == taken.user_id) & (KeyRecord.device_id == taken.device_id)


def remove(gone: Collection[RegisteredDevice]) -> None:
    """Remove devices of one person, except those that were registered anew meanwhile.

    Raises Conflict upon a concurrent change.
    """
    user_id = next(iter(gone)).user_id
    before = person(user_id)
    unchanged = [each for each in gone if before.devices.get(each.device_id) == each]
    if not unchanged:
        return
    transaction = Transaction()
    names = {each.device_id for each in unchanged}
    _stage_devices(transaction, before, {name: each for name, each in before.devices.items() if name not in names})
    for each in unchanged:
        _stage_key_removal(transaction, each)
    _commit(transaction)


def _stage_devices(transaction: Transaction, before: Addressee, devices: Mapping[str, RegisteredDevice]) -> None:
    unchanged = PersonRecord.version == before.version if before.version else PersonRecord.version.does_not_exist()
    actions: list[Action] = [PersonRecord.devices.set(dict(devices)), PersonRecord.version.set(before.version + 1)]
    transaction.update("person", PersonRecord(before.user_id, _PERSON), actions, unchanged)


def _stage_key_removal(transaction: Transaction, device: RegisteredDevice) -> None:
    mine = (KeyRecord.user_id == device.user_id) & (KeyRecord.device_id == device.device_id)
    transaction.delete("key", KeyRecord(f"key#{device.key}", _KEY), KeyRecord.owner.does_not_exist() | mine)


def _commit(transaction: Transaction) -> None:
    try:
        transaction.commit()
    except Cancelled as error:
        raise Conflict("Somebody changed this at the same time; try again.", retry_after_s=1) from error


def save_preferences(user_id: str, preferences: NoticePreferences) -> None:
    PersonRecord(user_id, _PERSON).update([PersonRecord.preferences.set(preferences)])


# --- the list -------------------------------------------------------------------------------------------------


def _item_id(record: ItemRecord) -> str:
    return str(record.part).removeprefix(_ITEM)


_items = Mapper(ItemRecord, NotificationItem, renamed={"user_id": "owner"}, id=_item_id)


def add_items(items: Iterable[NotificationItem]) -> None:
    """Save items; an existing one is replaced by an equal one. One round trip per 25."""
    with ItemRecord.batch_write() as batch:
        for each in items:
            expires_at = (each.at + ITEM_KEPT_MS) // clock.SECOND
            batch.save(_items.record(each, part=f"{_ITEM}{each.id}", expires_at=expires_at))


def items(user_id: str, *, before: str | None, limit: int) -> list[NotificationItem]:
    """The newest items, or the newest ones before item `before`."""
    last = _AFTER_ITEMS if before is None else f"{_ITEM}{before}"
    rows = ItemRecord.query(
        user_id,
        ItemRecord.part.between(_ITEM, last),
        filter_condition=ItemRecord.expires_at > clock.now_s(),
        scan_index_forward=False,
        consistent_read=True,
        limit=limit + 1,  # `between` includes item `before`
    )
    return [each for each in map(_items.value, rows) if each.id != before][:limit]


def items_after(user_id: str, marker: str) -> list[NotificationItem]:
    """The items newer than the marker, newest first."""
    first = f"{_ITEM}{marker}\x01" if marker else _ITEM
    rows = ItemRecord.query(
        user_id,
        ItemRecord.part.between(first, _AFTER_ITEMS),
        filter_condition=ItemRecord.expires_at > clock.now_s(),
        scan_index_forward=False,
        consistent_read=True,
    )
    return list(map(_items.value, rows))


def newest_item(user_id: str, *, up_to: str) -> NotificationItem | None:
    """The item with this id, or the newest older one, unless it has expired."""
    part = ItemRecord.part.between(_ITEM, f"{_ITEM}{up_to}")
    newest = next(ItemRecord.query(user_id, part, scan_index_forward=False, consistent_read=True, limit=1), None)
    return None if newest is None or newest.expires_at <= clock.now_s() else _items.value(newest)


def mark_read(user_id: str, up_to: str) -> bool:
    """Move the marker forward, never back; whether it was moved."""
    marker = PersonRecord.read_up_to
    return PersonRecord(user_id, _PERSON).update_if(marker.does_not_exist() | (marker < up_to), marker.set(up_to))
