"""Registering devices, uploading their key packages, claiming those of others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from accounts.session_api import keeps_device
from kernel import clock, ids, limiter, parallel, telemetry
from kernel.after_commit import FollowUp
from kernel.caller import Caller
from kernel.errors import Conflict, NotFound, ValidationFailed
from kernel.limiter import Charge, Limit
from kernel.resilience import retried
from kernel.transactions import Cancelled, Transaction
from keys import framing, key_events, packages, store, transparency
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
from keys.packages import PackageOwner, ValidPackage
from users import api as users

CLAIM = Limit("claim_keys", requests=30, window_s=3600, without_redis="closed")
_LOG_TRIES = 12  # of an append to the key log, for which all devices contend

# --- devices --------------------------------------------------------------------------------------------------


def register(*, caller: Caller, device_id: str, name: str, signature_key: bytes, credential: bytes) -> Device:
    """Register the caller's device, or change its name or key, and bind it to the calling session.

    A new or changed key is added to the key log and published. Raises ValidationFailed, Conflict `too_many_devices`.
    """
    _require_keys(caller.user_id, device_id, signature_key, credential)
    device, follow_up = retried(
        partial(_register, caller, device_id, name, signature_key, credential), on=Cancelled, tries=_LOG_TRIES
    )
    if follow_up is not None:
        follow_up.complete()
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
    entry = transparency.stage(transaction, after, "added" if before is None else "changed")
    follow_up = key_events.follow_up_of(entry)
    follow_up.stage(transaction)
    transaction.commit()
    return after, follow_up


def remove(*, caller: Caller, device_id: str) -> None:
    """Remove one of the caller's devices; its groups have to rekey. Raises NotFound."""
    retried(lambda: _remove(_own(caller, device_id)), on=Cancelled, tries=_LOG_TRIES).complete()


def _remove(gone: Device) -> FollowUp:
    transaction = Transaction()
    store.stage_removal(transaction, gone)
    follow_up = key_events.follow_up_of(transparency.stage(transaction, gone, "removed"))
    follow_up.stage(transaction)
    transaction.commit()
    return follow_up


def devices(*, caller: Caller, user_ids: Sequence[str]) -> list[Device]:
    """The devices of these people, except people separated from the caller by a block.

    Devices whose sessions have ended are removed here, unless somebody may sign in there again and go on.
    """
    found = store.devices_of(_visible(caller.user_id, user_ids))
    staying = parallel.mapped(lambda device: keeps_device(device.user_id, device.session_id), found)
    for device, stays in zip(found, staying, strict=True):
        if not stays:
            _retire(device)
    return [device for device, stays in zip(found, staying, strict=True) if stays]


def _retire(device: Device) -> None:
    """Remove a device whose session has ended for good; upon a concurrent change it is left to the next caller."""
    with suppress(Cancelled):
        _remove(device).complete()
        telemetry.count("DevicesRetired")


def require_visible(viewer_id: str, user_id: str) -> None:
    """Raises NotFound if the person does not exist or a block separates the two."""
    if not _visible(viewer_id, [user_id]):
        raise NotFound


def _visible(viewer_id: str, user_ids: Iterable[str]) -> list[str]:
    asked = list(dict.fromkeys(user_ids))
    others = [user_id for user_id in asked if user_id != viewer_id]
    known = users.public_profiles(others)
    unblocked = users.receivers("keys", viewer_id, list(known)) if known else set()
    return [each for each in asked if each == viewer_id or each in unblocked]


# --- packages -------------------------------------------------------------------------------------------------


def leave_packages(*, caller: Caller, device_id: str, given: Sequence[bytes], last_resort: bytes | None) -> int:
    """Save key packages of one of the caller's devices; returns the number of available one-time packages.

    Raises NotFound for an unregistered device, InvalidKeyPackage naming the invalid one, Conflict `too_many_packages`.
    """
    device = _own(caller, device_id)
    owner = PackageOwner(device.signature_key, device.credential)
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
        store.add_packages(device, one_time, spare[0] if spare else None)
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


def _checked(field: str, message: bytes, owner: PackageOwner) -> ValidPackage:
    try:
        return packages.validate(message, owner, now_s=clock.now_s())
    except Malformed as error:
        raise InvalidKeyPackage.at(field, str(error)) from error


def _require_unseen(fields: Sequence[str], checked: Sequence[ValidPackage]) -> None:
    known = store.known_references([each.reference for each in checked])
    for field, each in zip(fields, checked, strict=True):
        if each.reference in known:
            raise InvalidKeyPackage.at(field, "it was left here before")
        known.add(each.reference)


def available(*, caller: Caller, device_id: str) -> tuple[int, bool]:
    """The number of available packages of one of the caller's devices, and whether it has one of last resort.

    Raises NotFound.
    """
    return store.available(_own(caller, device_id))


def claim(*, caller: Caller, user_ids: Sequence[str]) -> tuple[list[Claimed], list[str]]:
    """Claim a key package of each device of these people; also returns the ids of devices without any.

    Unknown people and people separated by a block have no devices here. Raises LimitExceeded above 30 claims per caller
    and person in an hour.
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
            key_events.publish_keys_low(each)
    return claimed, missing


def _claim(device: Device) -> Claimed | None:
    one_time = store.take_package(device)
    if one_time is not None:
        package, left = one_time
        return Claimed(device.user_id, device.device_id, package, last_resort=False, left=left)
    spare = store.last_resort(device)
    return None if spare is None else Claimed(device.user_id, device.device_id, spare, last_resort=True, left=0)
