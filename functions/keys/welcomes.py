"""Welcomes: what brings new devices into a group, kept for each of them until it has read its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from conversations import api as conversations
from kernel import ids, parallel
from kernel.caller import Caller
from kernel.dynamo import Transaction
from kernel.errors import NotFound, ValidationFailed
from kernel.paging import MAX_PAGE_BYTES, Page, Paginator
from keys import large, notices, store
from keys.model import Device, Welcome
from log.model import Event

PER_TRANSACTION = 60  # Welcomes that are written with their commit; those of larger ones follow it
_PAIRS_READ = 1_000  # (member, device) up to which devices are looked up by name


@dataclass(frozen=True, slots=True)
class Addressed:
    """A Welcome and the devices that it is for."""

    device_ids: tuple[str, ...]
    welcome: bytes


@dataclass(frozen=True, slots=True)
class WelcomeLetter:
    """A Welcome for one device; `blob` holds it where it is large."""

    device: Device
    content: bytes | None
    blob: str | None


def addressed_to(conversation_id: str, given: Sequence[Addressed]) -> list[WelcomeLetter]:
    """A letter for each device; raises ValidationFailed naming the first that is no device of a member."""
    wanted = list(dict.fromkeys(device_id for each in given for device_id in each.device_ids))
    if not wanted:
        return []
    found: dict[str, list[Device]] = {}
    for device in _devices_of_members(conversation_id, wanted):
        found.setdefault(device.device_id, []).append(device)
    letters = []
    for index, each in enumerate(given):
        unknown = [device_id for device_id in each.device_ids if device_id not in found]
        if unknown:
            raise ValidationFailed.of(f"welcomes.{index}.device_ids", f"{unknown[0]} is no device of a member")
        blob = large.put_if_large(each.welcome, folder=f"welcomes/{conversation_id}")
        content = each.welcome if blob is None else None
        devices = [device for device_id in dict.fromkeys(each.device_ids) for device in found[device_id]]
        letters += [WelcomeLetter(device, content, blob) for device in devices]
    return letters


def _devices_of_members(conversation_id: str, device_ids: Sequence[str]) -> Iterable[Device]:
    """The devices of these names that members have: by name while those are few, else all of the members'."""
    people = [member.user_id for member in conversations.members(conversation_id)]
    if len(people) * len(device_ids) <= _PAIRS_READ:
        return store.devices_named((user_id, name) for user_id in people for name in device_ids)
    names = set(device_ids)
    return [device for device in store.devices_of(people) if device.device_id in names]


def _welcome(conversation_id: str, epoch: int, at: int, letter: WelcomeLetter) -> Welcome:
    """The Welcome as it is kept, with an id that is the same whenever it is made: it can be kept again."""
    device = letter.device
    named = f"{conversation_id} {epoch} {device.user_id} {device.device_id}".encode()
    tail = int.from_bytes(hashlib.sha256(named).digest()[:10], "big")
    welcome_id = f"wel_{ids.base32(at, 10)}{ids.base32(tail, 16)}"
    return Welcome(
        welcome_id, device.user_id, device.device_id, conversation_id, epoch + 1, letter.content, letter.blob
    )


def stage(
    transaction: Transaction, conversation_id: str, epoch: int, at: int, letters: Sequence[WelcomeLetter]
) -> None:
    """Keep Welcomes with the commit that makes them, which was made in this epoch."""
    for letter in letters:
        store.stage_welcome(transaction, _welcome(conversation_id, epoch, at, letter))


def deliver(commit: Event, letters: Sequence[WelcomeLetter]) -> None:
    """Keep Welcomes of a commit that is in the log; again is fine."""
    kept = [_welcome(commit.conversation_id, commit.data["epoch"], commit.at, letter) for letter in letters]
    store.keep_welcomes(kept)


def tell(commit: Event, letters: Sequence[WelcomeLetter]) -> None:
    """Tell the devices that a Welcome waits for them. Never raises: they ask for it when they start, too."""
    kept = [_welcome(commit.conversation_id, commit.data["epoch"], commit.at, letter) for letter in letters]
    parallel.mapped(notices.welcome_waits, kept)


def waiting(*, caller: Caller, device_id: str, limit: int, page: str | None) -> Page[Welcome]:
    """The Welcomes that wait for one of the caller's devices, the oldest first, as many as fit an answer."""
    paging = Paginator(page, caller.user_id, "welcomes", device_id)
    found = store.welcomes(caller.user_id, device_id, after=paging.start, limit=limit + 1)
    items: list[Welcome] = []
    room = MAX_PAGE_BYTES
    for each in found[:limit]:
        whole = replace(each, content=large.get(each.content, each.blob))
        room -= len(whole.content or b"") * 4 // 3 + 300
        if items and room < 0:
            break
        items.append(whole)
    more = len(found) > len(items)
    return Page(items, paging.cursor(items[-1].id if more else None))


def forget(*, caller: Caller, welcome_id: str) -> None:
    """Delete a Welcome that its device has read; raises NotFound."""
    if not ids.is_id(welcome_id, "wel") or store.forget_welcome(caller.user_id, welcome_id) is None:
        raise NotFound
