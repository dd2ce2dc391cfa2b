"""A person's push devices, preferences and in-app list."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from accounts import session_api as accounts
from conversations import api as conversations
from conversations.model import MemberContext
from kernel import clock, outbound, telemetry
from kernel.caller import Caller
from kernel.errors import Conflict, ValidationFailed
from kernel.paging import Page, Paginator
from kernel.resilience import retried
from log.api import SessionsLost
from notifications import live_list, payloads, store, unread
from notifications.model import NoticePreferences, NotificationItem, Platform, Provider, PushEndpoint, RegisteredDevice
from users import api as users

# --- devices --------------------------------------------------------------------------------------------------


def register(
    *,
    caller: Caller,
    device_id: str,
    platform: Platform,
    provider: Provider,
    token: str | None,
    subscription: PushEndpoint | None,
    app_version: str | None,
    locale: str | None,
    voip: bool,
) -> dict[str, Any]:
    """Register a device for pushes until the caller's session ends.

    It replaces the caller's device of that id, and takes its token or endpoint from any other device. Raises
    ValidationFailed for an endpoint that leads to no public address.
    """
    if subscription is not None:
        try:
            outbound.require_not_private(outbound.parse(subscription.endpoint))
        except outbound.UnsafeUrl as error:
            raise ValidationFailed.of("subscription.endpoint", str(error)) from error
    now = clock.now()
    address = subscription.endpoint if subscription is not None else token
    device = RegisteredDevice(
        user_id=caller.user_id,
        device_id=device_id,
        session_id=caller.session_id,
        platform=platform,
        provider=provider,
        key=hashlib.sha256(f"{provider}\0{address}".encode()).hexdigest(),
        created_at=now,
        updated_at=now,
        token=token,
        subscription=subscription,
        app_version=app_version,
        locale=locale,
        voip=voip,
    )
    return device_view(retried(partial(store.register, device), on=Conflict), caller)


def unregister(*, caller: Caller, device_id: str) -> None:
    """Send no more pushes to a device, if it is registered."""

    def attempt() -> None:
        device = store.person(caller.user_id).devices.get(device_id)
        if device is not None:
            store.remove([device])

    retried(attempt, on=Conflict)


def devices(*, caller: Caller, limit: int, cursor: str | None) -> Page[dict[str, Any]]:
    """The caller's devices with live sessions, the last registered first."""
    paging = Paginator(cursor, caller.user_id, "devices")

    def position(each: RegisteredDevice) -> list[Any]:
        return [-each.updated_at, each.device_id]

    found = sorted(live_devices([store.person(caller.user_id)]), key=position)
    return paging.page_of_all(found, limit, position, lambda page: [device_view(each, caller) for each in page])


def live_devices(people: Iterable[store.Addressee]) -> list[RegisteredDevice]:
    """The devices of these people whose sessions are live now."""
    found = [device for person in people for device in person.devices.values()]
    live = accounts.live_sessions_among({(each.user_id, each.session_id) for each in found})
    return [each for each in found if (each.user_id, each.session_id) in live]


def forget_devices_of(loss: SessionsLost) -> None:
    """Remove the devices of ended sessions."""

    def attempt() -> None:
        gone = [each for each in store.person(loss.user_id).devices.values() if each.session_id in loss.session_ids]
        if gone:
            store.remove(gone)

    retried(attempt, on=Conflict)


def device_view(device: RegisteredDevice, caller: Caller) -> dict[str, Any]:
    """A device as its owner sees it, without its token or endpoint."""
    return {
        "device_id": device.device_id,
        "platform": device.platform,
        "provider": device.provider,
        "app_version": device.app_version,
        "locale": device.locale,
        "voip": device.voip,
        "current": device.session_id == caller.session_id,
        "created_at": device.created_at,
        "updated_at": device.updated_at,
    }


# --- preferences ----------------------------------------------------------------------------------------------


def preferences(*, caller: Caller) -> NoticePreferences:
    return store.person(caller.user_id).preferences


def change_preferences(*, caller: Caller, changes: Mapping[str, Any]) -> NoticePreferences:
    """Change the given preferences of the caller; returns all of them."""
    changed = replace(preferences(caller=caller), **changes)
    store.save_preferences(caller.user_id, changed)
    return changed


# --- the in-app list ------------------------------------------------------------------------------------------


def list_notices(*, caller: Caller, limit: int, cursor: str | None) -> tuple[Page[dict[str, Any]], int]:
    """A page of the caller's notifications, newest first, and the number of all unread ones."""
    paging = Paginator(cursor, caller.user_id, "notifications")
    marker = store.person(caller.user_id).read_up_to
    found = store.items(caller.user_id, before=paging.start, limit=limit + 1)
    if cursor is None and (len(found) <= limit or found[-1].id <= marker):
        newer = [each for each in found if each.id > marker]  # the page has them all
    else:
        newer = store.items_after(caller.user_id, marker)
    groups = _groups(caller.user_id, [*found, *newer])
    left = unread.unread_ids(newer, groups)
    return paging.page(found, limit, lambda item: item.id, lambda items: _views(items, groups, left)), len(left)


def mark_read(*, caller: Caller, up_to: str) -> int:
    """Mark a notification and all older ones as read; returns the number of unread ones. Never marks as unread.

    What is marked is an item of the list, so that an id of no item reads nothing that comes later. All devices of the
    person are told of it.
    """
    item = store.newest_item(caller.user_id, up_to=up_to)
    if item is not None and store.mark_read(caller.user_id, item.id):
        marker = item.id
        _publish_read(item)
    else:
        marker = store.person(caller.user_id).read_up_to
    newer = store.items_after(caller.user_id, marker)
    return len(unread.unread_ids(newer, _groups(caller.user_id, newer)))


def _publish_read(item: NotificationItem) -> None:
    with telemetry.best_effort("not published", user_id=item.user_id):
        (view,) = _views([item], _groups(item.user_id, [item]), ())
        live_list.publish(view, item.user_id)


def view_of_new(item: NotificationItem) -> dict[str, Any]:
    """An item as its owner sees it when it is added to the list."""
    groups = _groups(item.user_id, [item])
    (view,) = _views([item], groups, set() if unread.has_read(item, groups) else {item.id})
    return view


def _groups(user_id: str, items: Iterable[NotificationItem]) -> dict[str, MemberContext]:
    """The person's contexts in the conversations of these items."""
    wanted = list(dict.fromkeys(each.conversation_id for each in items if each.conversation_id is not None))
    return conversations.contexts(wanted, user_id) if wanted else {}


def _views(
    items: Iterable[NotificationItem], groups: Mapping[str, MemberContext], left: Collection[str]
) -> list[dict[str, Any]]:
    """Items as their owner sees them, with current names of people and groups; `left` are the ids of unread ones."""
    items = list(items)
    people = users.profiles_of(list({each.actor_id for each in items if each.actor_id is not None}))
    found = []
    for each in items:
        group, actor = groups.get(each.conversation_id or ""), people.get(each.actor_id or "")
        found.append(
            {
                "id": each.id,
                "kind": each.kind,
                "conversation_id": each.conversation_id,
                "message_id": each.message_id,
                "actor_id": each.actor_id,
                "reference": dict(each.reference),
                "text": payloads.sentence(
                    each.kind,
                    actor=None if actor is None else actor.display_name,
                    group=None if group is None else group.info.name,
                    reference=each.reference,
                ),
                "at": each.at,
                "read": each.id not in left,
            }
        )
    return found
