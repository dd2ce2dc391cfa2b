"""Devices and key packages: registering, leaving packages, claiming those of others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from accounts.session_api import session_stands
from kernel import clock, ids, limiter, parallel, telemetry
from kernel.after_commit import FollowUp
from kernel.caller import Caller
from kernel.dynamo import Cancelled, Transaction
from kernel.errors import Conflict, NotFound, ValidationFailed
from kernel.limiter import Charge, Limit
from kernel.resilience import retried
from keys import framing, notices, packages, store, transparency
from keys.framing import Malformed
from keys.model import (
    KEY_BYTES,
    LOW,
    MAX_DEVICES,
    MAX_PACKAGES,
    Claimed,
    Device,
    InvalidKeyPackage,
    identity_of,
)
from keys.packages import Checked, Owner
from users import api as users

CLAIM = Limit("claim_keys", requests=30, window_s=3600, without_redis="closed")
_LOG_TRIES = 12  # of an append to the key log, which all devices share

# --- devices --------------------------------------------------------------------------------------------------


def register(*, caller: Caller, device_id: str, name: str, signature_key: bytes, credential: bytes) -> Device:
    """Register the caller's device, or give it another name or key; it belongs to the session that calls.

    A new or changed key is written into the key log, and told. Raises ValidationFailed, Conflict `too_many_devices`.
    """
    _require_keys(caller.user_id, device_id, signature_key, credential)
    device, told = retried(
        partial(_register, caller, device_id, name, signature_key, credential), on=Cancelled, tries=_LOG_TRIES
    )
    if told is not None:
        told.complete()
    return device


def _require_keys(user_id: str, device_id: str, signature_key: bytes, credential: bytes) -> None:
    if len(signature_key) != KEY_BYTES:
        raise ValidationFailed.of("signature_key", "an Ed25519 public key has 32 bytes")
    try:
        identity = framing.credential(credential).identity
    except Malformed as error:
        raise ValidationFailed.of("credential", str(error)) from error
    if identity != identity_of(user_id, device_id):
        raise ValidationFailed.of("credential", "a basic credential whose identity is user_id/device_id")


def _register(
    caller: Caller, device_id: str, name: str, signature_key: bytes, credential: bytes
) -> tuple[Device, FollowUp | None]:
    others = store.devices_of([caller.user_id])
    before = next((each for each in others if each.device_id == device_id), None)
    if before is not None and before.has_keys_of(signature_key, credential):
        after = replace(before, name=name, session_id=caller.session_id)
        if after != before:
            store.rename(before, after)
        return after, None
    if before is None and len(others) >= MAX_DEVICES:
        raise Conflict(f"One has at most {MAX_DEVICES} devices.", code="too_many_devices")
    after = Device(
        caller.user_id, device_id, name, signature_key, credential, clock.now(), caller.session_id, ids.new("gen")
    )
    transaction = Transaction()
    store.stage_device(transaction, after, before)
    told = notices.keys_changed(transparency.stage(transaction, after, "added" if before is None else "changed"))
    told.stage(transaction)
    transaction.commit()
    return after, told


def remove(*, caller: Caller, device_id: str) -> None:
    """Take one of the caller's devices out: it is given out no more, and groups must rekey. Raises NotFound."""
    retried(partial(_remove, caller.user_id, device_id), on=Cancelled, tries=_LOG_TRIES).complete()


def _remove(user_id: str, device_id: str) -> FollowUp:
    gone = store.device(user_id, device_id)
    if gone is None:
        raise NotFound
    transaction = Transaction()
    store.stage_removal(transaction, gone)
    told = notices.keys_changed(transparency.stage(transaction, gone, "removed"))
    told.stage(transaction)
    transaction.commit()
    return told


def devices(*, caller: Caller, user_ids: Sequence[str]) -> list[Device]:
    """The devices of these people: of those who exist and whom no block keeps apart from the caller.

    A device whose session has ended is gone with it: whoever meets one first takes it out.
    """
    found = store.devices_of(_within_reach(caller.user_id, user_ids))
    standing = parallel.mapped(lambda device: session_stands(device.user_id, device.session_id), found)
    for device, stands in zip(found, standing, strict=True):
        if not stands:
            _retire(device)
    return [device for device, stands in zip(found, standing, strict=True) if stands]


def _retire(device: Device) -> None:
    """Take out a device whose session has ended; what meets others' changes is left to who meets it next."""
    with suppress(Cancelled, NotFound):
        _remove(device.user_id, device.device_id).complete()
        telemetry.count("DevicesRetired")


def require_within_reach(viewer_id: str, user_id: str) -> None:
    """Raises NotFound for who does not exist, and where a block stands between the two."""
    if not _within_reach(viewer_id, [user_id]):
        raise NotFound


def _within_reach(viewer_id: str, user_ids: Iterable[str]) -> list[str]:
    asked = list(dict.fromkeys(user_ids))
    others = [user_id for user_id in asked if user_id != viewer_id]
    known = users.public_profiles(others)
    within = users.receivers("keys", viewer_id, list(known)) if known else set()
    return [each for each in asked if each == viewer_id or each in within]


# --- packages -------------------------------------------------------------------------------------------------


def leave_packages(*, caller: Caller, device_id: str, given: Sequence[bytes], last_resort: bytes | None) -> int:
    """Keep key packages of one of the caller's devices for others to claim; returns how many wait now.

    Raises NotFound for a device that is not registered, InvalidKeyPackage naming the one that is not good,
    Conflict `too_many_packages`.
    """
    device = _own(caller, device_id)
    owner = Owner(device.signature_key, device.credential)
    named = [(f"packages.{index}", message) for index, message in enumerate(given)]
    if last_resort is not None:
        named.append(("last_resort", last_resort))
    checked = [_checked(field, message, owner) for field, message in named]
    _require_unseen([field for field, _ in named], checked)
    waiting, _ = store.available(device)
    if waiting + len(given) > MAX_PACKAGES:
        raise Conflict(f"At most {MAX_PACKAGES} packages of a device wait.", code="too_many_packages")
    one_time, spare = checked[: len(given)], checked[len(given) :]
    try:
        store.keep(device, one_time, spare[0] if spare else None)
    except Cancelled as refused:
        for (field, _), each in zip(named, checked, strict=True):
            if each.reference in refused.failed:
                raise InvalidKeyPackage.at(field, "it was left here before") from refused
        raise
    return store.available(device)[0]


def _own(caller: Caller, device_id: str) -> Device:
    device = store.device(caller.user_id, device_id)
    if device is None:
        raise NotFound("This device is not registered.")
    return device


def _checked(field: str, message: bytes, owner: Owner) -> Checked:
    try:
        return packages.check(message, owner, now_s=clock.now_s())
    except Malformed as error:
        raise InvalidKeyPackage.at(field, str(error)) from error


def _require_unseen(fields: Sequence[str], checked: Sequence[Checked]) -> None:
    seen = store.seen([each.reference for each in checked])
    for field, each in zip(fields, checked, strict=True):
        if each.reference in seen:
            raise InvalidKeyPackage.at(field, "it was left here before")
        seen.add(each.reference)


def available(*, caller: Caller, device_id: str) -> tuple[int, bool]:
    """How many packages of one of the caller's devices wait, and whether one of last resort does; raises NotFound."""
    return store.available(_own(caller, device_id))


def claim(*, caller: Caller, user_ids: Sequence[str]) -> tuple[list[Claimed], list[str]]:
    """A key package of each device of these people, and the devices that have none.

    People who do not exist or whom a block keeps apart have no devices here. Raises LimitExceeded above 30 claims of
    one caller on one target in an hour, counted in DynamoDB where Redis is away.
    """
    asked = list(dict.fromkeys(user_ids))
    for allowance in limiter.measure([Charge(CLAIM, f"{caller.user_id}:{each}") for each in asked]):
        allowance.require()
    wanted = devices(caller=caller, user_ids=asked)
    taken = parallel.mapped(_claim, wanted)
    claimed = [each for each in taken if each is not None]
    missing = [device.device_id for device, each in zip(wanted, taken, strict=True) if each is None]
    telemetry.count("KeyPackagesClaimed", len(claimed))
    telemetry.count("KeyPackagesMissing", len(missing))
    for each in claimed:
        if each.left < LOW:
            notices.keys_low(each)
    return claimed, missing


def _claim(device: Device) -> Claimed | None:
    one_time = store.take(device)
    if one_time is not None:
        package, left = one_time
        return Claimed(device.user_id, device.device_id, package, last_resort=False, left=left)
    spare = store.last_resort(device)
    return None if spare is None else Claimed(device.user_id, device.device_id, spare, last_resort=True, left=0)
