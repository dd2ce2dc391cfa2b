"""Welcomes, which add devices to a group: saved for each device until it has read its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from conversations import api as conversations
from kernel import ids, parallel
from kernel.caller import Caller
from kernel.errors import NotFound, ValidationFailed
from kernel.paging import MAX_PAGE_BYTES, Page, Paginator
from kernel.transactions import Transaction
from keys import key_events, large, store, welcome_store
from keys.model import Device, Welcome
from log.model import Event

PER_TRANSACTION = 60  # Welcomes that are saved in their commit's transaction; more are saved after it
_PAIRS_READ = 1_000  # (member, device) pairs up to which devices are read by key


@dataclass(frozen=True, slots=True)
class WelcomeRequest:
    """A Welcome and the ids of its devices."""

    device_ids: tuple[str, ...]
    welcome: bytes


@dataclass(frozen=True, slots=True)
class DeviceWelcome:
    """A Welcome for one device, in `content` or, if it is large, in `blob`."""

    device: Device
    content: bytes | None
    blob: str | None


def resolve(conversation_id: str, given: Sequence[WelcomeRequest]) -> list[DeviceWelcome]:
    """A Welcome for each device; raises ValidationFailed naming the first that is no device of a member."""
    wanted = list(dict.fromkeys(device_id for each in given for device_id in each.device_ids))
    if not wanted:
        return []
    found: dict[str, list[Device]] = {}
    for device in _devices_of_members(conversation_id, wanted):
        found.setdefault(device.device_id, []).append(device)
    device_welcomes = []
    for index, each in enumerate(given):
        unknown = [device_id for device_id in each.device_ids if device_id not in found]
        if unknown:
            raise ValidationFailed.of(f"welcomes.{index}.device_ids", f"{unknown[0]} is no device of a member")
        blob = large.put_if_large(each.welcome, folder=f"welcomes/{conversation_id}")
        content = each.welcome if blob is None else None
        devices = [device for device_id in dict.fromkeys(each.device_ids) for device in found[device_id]]
        device_welcomes += [DeviceWelcome(device, content, blob) for device in devices]
    return device_welcomes


def _devices_of_members(conversation_id: str, device_ids: Sequence[str]) -> Iterable[Device]:
    """The members' devices with these ids, read by key if there are few pairs, else by a query per member."""
    people = [member.user_id for member in conversations.members(conversation_id)]
    if len(people) * len(device_ids) <= _PAIRS_READ:
        return store.devices_named((user_id, name) for user_id in people for name in device_ids)
    names = set(device_ids)
    return [device for device in store.devices_of(people) if device.device_id in names]


def _welcome(conversation_id: str, epoch: int, at: int, each: DeviceWelcome) -> Welcome:
    """The stored Welcome, with a deterministic id, so that saving is idempotent."""
    device = each.device
    named = f"{conversation_id} {epoch} {device.user_id} {device.device_id}".encode()
    tail = int.from_bytes(hashlib.sha256(named).digest()[:10], "big")
    welcome_id = f"{_first_id(at)}{ids.base32(tail, 16)}"
    return Welcome(welcome_id, device.user_id, device.device_id, conversation_id, epoch + 1, each.content, each.blob)


def _first_id(at: int) -> str:
    """The beginning of the ids of Welcomes of an instant (ms); later ones sort after it, earlier ones before it."""
    return f"wel_{ids.base32(at, 10)}"


def stage(
    transaction: Transaction, conversation_id: str, epoch: int, at: int, device_welcomes: Sequence[DeviceWelcome]
) -> None:
    """Save Welcomes in the transaction of their commit, which was made in this epoch."""
    for each in device_welcomes:
        welcome_store.stage(transaction, _welcome(conversation_id, epoch, at, each))


def save(commit: Event, device_welcomes: Sequence[DeviceWelcome]) -> None:
    """Save Welcomes of a commit that is in the log. Idempotent."""
    welcomes = [_welcome(commit.conversation_id, commit.data["epoch"], commit.at, each) for each in device_welcomes]
    welcome_store.save(welcomes)


def publish(commit: Event, device_welcomes: Sequence[DeviceWelcome]) -> None:
    """Publish hints to the devices. Never raises: they also fetch their Welcomes when they start."""
    welcomes = [_welcome(commit.conversation_id, commit.data["epoch"], commit.at, each) for each in device_welcomes]
    parallel.mapped(key_events.publish_welcome, welcomes)


def pending(*, caller: Caller, device_id: str, limit: int, page: str | None) -> Page[Welcome]:
    """The pending Welcomes of one of the caller's devices, oldest first, as many as fit into a response.

    A Welcome ends with the membership that it was made for (R52): such ones are deleted here.
    """
    paging = Paginator(page, caller.user_id, "welcomes", device_id)
    read = welcome_store.pending(caller.user_id, device_id, after=paging.start, limit=limit + 1)
    found = _of_present_member(caller.user_id, read[:limit])
    items: list[Welcome] = []
    room = MAX_PAGE_BYTES
    for each in found:
        whole = replace(each, content=large.get(each.content, each.blob))
        room -= len(whole.content or b"") * 4 // 3 + 300
        if items and room < 0:
            return Page(items, paging.cursor(items[-1].id))
        items.append(whole)
    return Page(items, paging.cursor(read[limit - 1].id if len(read) > limit else None))


def _of_present_member(user_id: str, pending: Sequence[Welcome]) -> list[Welcome]:
    """Those of a person's Welcomes that were made for their present memberships; deletes the others."""
    groups = conversations.contexts(list({each.conversation_id for each in pending}), user_id) if pending else {}
    current = []
    for each in pending:
        group = groups.get(each.conversation_id)
        if group is not None and each.id >= _first_id(group.member.joined_at):
            current.append(each)
        else:
            welcome_store.delete(user_id, each.id)
    return current


def delete(*, caller: Caller, welcome_id: str) -> None:
    """Delete a Welcome that its device has read; raises NotFound."""
    if not ids.is_id(welcome_id, "wel") or welcome_store.delete(caller.user_id, welcome_id) is None:
        raise NotFound
