"""What notifications hold on a person, for an export: the list, preferences, and devices without their tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kernel.caller import Caller
from kernel.paging import all_items
from kernel.schema import as_json
from notifications import schemas, service, store

_PAGE = 100


def notifications(user_id: str) -> Iterator[dict[str, Any]]:
    """The person's notifications, newest first."""
    caller = Caller(user_id, "")
    for each in all_items(lambda cursor: service.list_notices(caller=caller, limit=_PAGE, cursor=cursor)[0]):
        yield as_json(schemas.Notification, each)


def preferences(user_id: str) -> Iterator[dict[str, Any]]:
    """What the person wants to be notified of."""
    yield as_json(schemas.NotificationPreferences, store.person(user_id).preferences)


def devices(user_id: str) -> Iterator[dict[str, Any]]:
    """The devices that get the person's pushes."""
    for each in store.person(user_id).devices.values():
        yield as_json(schemas.PushDevice, service.device_view(each, Caller(user_id, "")))
