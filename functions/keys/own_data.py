"""What keys hold on a person, for an export: devices, entries of the key log, and the backup that they encrypted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from kernel.caller import Caller
from kernel.errors import NotFound
from kernel.schema import as_json
from keys import backups, log_store, store
from keys.schemas import DeviceOut

_PAGE = 100


def devices(user_id: str) -> Iterator[dict[str, Any]]:
    """The person's devices for encryption, with their public keys."""
    for each in store.devices_of([user_id]):
        yield as_json(DeviceOut, each)


def log_entries(user_id: str) -> Iterator[dict[str, Any]]:
    """The person's entries of the key log, oldest first."""
    after = 0
    while found := log_store.entries(user_id, after=after, limit=_PAGE):
        yield from (each.view() for each in found)
        after = found[-1].n


def backup(user_id: str) -> Iterator[dict[str, Any]]:
    """The person's backup of keys, which only they can decrypt."""
    with suppress(NotFound):
        yield json.loads(backups.get(caller=Caller(user_id, "")))
