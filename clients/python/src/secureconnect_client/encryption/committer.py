"""Changes groups: adds and removes devices, gives new keys.

One commit wins in each epoch; others are made again.
"""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from secureconnect_client.api.base import Requester
from secureconnect_client.encryption import tls
from secureconnect_client.encryption.engine import Commit, Group
from secureconnect_client.encryption.errors import CannotDecrypt, GhostDevice, KeySwapped
from secureconnect_client.encryption.groups import Groups
from secureconnect_client.encryption.keylog import KeyLog
from secureconnect_client.encryption.membership import Membership
from secureconnect_client.encryption.reader import LogReader
from secureconnect_client.encryption.requests import base64, mls
from secureconnect_client.encryption.shelf import Shelf
from secureconnect_client.encryption.tls import Leaf
from secureconnect_client.errors import ApiError

TRIES = 8  # attempts at a commit or a message that collides with others' commits


class Committer:
    """Makes commits for this device, whose leaf is `own`."""

    def __init__(
        self,
        client: Requester,
        shelf: Shelf,
        groups: Groups,
        membership: Membership,
        key_log: KeyLog,
        reader: LogReader,
        *,
        own: Leaf,
    ) -> None:
        self._client = client
        self._shelf = shelf
        self._groups = groups
        self._membership = membership
        self._key_log = key_log
        self._reader = reader
        self._own = own

    async def update(self, conversation_id: str) -> None:
        """Give the group new keys, so that keys stolen from this device before become useless."""
        await self._commit(conversation_id, lambda group: (group.update(), ()))

    async def reconcile(self, conversation_id: str, *, rekey: bool = False) -> list[str]:
        """Add missing devices of members, and remove those that have gone.

        Returns the devices that could not be added. With `rekey` the group gets new keys in any case. Raises
        KeySwapped, GhostDevice.
        """
        for attempt in range(TRIES):
            try:
                return await self._reconcile(conversation_id, rekey=rekey)
            except ApiError as error:  # a device was removed meanwhile, and can get no Welcome
                if error.code != "validation_failed" or attempt == TRIES - 1:
                    raise
        return []

    async def _reconcile(self, conversation_id: str, *, rekey: bool) -> list[str]:
        group = await self.current(conversation_id)
        wanted = await self._membership.devices(conversation_id)

        def gone(now: Group) -> list[Leaf]:
            stale = {*self._membership.stale(conversation_id, now.leaves())}
            return sorted(
                leaf for leaf in now.leaves() if leaf != self._own and (leaf not in wanted or leaf in stale)
            )

        is_anybody_gone = bool(gone(group))
        if is_anybody_gone:
            await self._commit(
                conversation_id, lambda now: (now.remove(gone(now)), ()) if gone(now) else None
            )
        missing = wanted - set(self._groups.get(conversation_id).leaves())
        left_out: list[str] = []
        if missing:
            packages, left_out = await self._claim(missing)

            def add(now: Group) -> tuple[Commit, Sequence[Leaf]] | None:
                coming = sorted(packages.keys() - set(now.leaves()))  # another device may have added some
                return (now.add([packages[leaf] for leaf in coming]), coming) if coming else None

            await self._commit(conversation_id, add)
        if rekey and not is_anybody_gone:
            await self.update(conversation_id)
        return left_out

    async def current(self, conversation_id: str) -> Group:
        """The group after the whole log, with no pending commit of this device."""
        await self._reader.catch_up(conversation_id)
        if (body := self._shelf.pending(conversation_id)) is not None:
            await self._have_taken(conversation_id, body)
        return self._groups.get(conversation_id)

    async def _claim(self, wanted: set[Leaf]) -> tuple[dict[Leaf, bytes], list[str]]:
        """Claim a key package of each of these devices, and check that it is theirs.

        Returns the packages, and the devices without a valid one.
        """
        user_ids = sorted({leaf.user_id for leaf in wanted})
        packages: dict[Leaf, bytes] = {}
        for start in range(0, len(user_ids), 100):
            body = {"user_ids": user_ids[start : start + 100]}
            for each in (await self._client.request("POST", "/keys/claims", json=body))["packages"]:
                message = b64decode(each["package"])
                leaf = tls.leaf_of_package(message)
                if (leaf.user_id, leaf.device_id) != (each["user_id"], each["device_id"]):
                    raise KeySwapped(f"a package for {each['user_id']} names somebody else")
                try:
                    await self._key_log.require_registered(leaf)
                except GhostDevice as error:
                    raise KeySwapped(str(error)) from error
                if leaf in wanted and tls.is_valid_at(message, time.time()):
                    packages[leaf] = message
        return packages, sorted(leaf.device_id for leaf in wanted - packages.keys())

    async def _commit(
        self,
        conversation_id: str,
        make: Callable[[Group], tuple[Commit, Sequence[Leaf]] | None],
    ) -> None:
        """Make a commit and send it, again after each commit of others that comes first.

        `make` returns the commit and the devices that it adds, or None if nothing is left to do.
        """
        for _ in range(TRIES):
            group = await self.current(conversation_id)
            made = make(group)
            if made is None:
                return
            commit, added = made
            epoch, _ = self._shelf.place(conversation_id)
            body: dict[str, Any] = {
                "client_id": uuid4().hex,
                "epoch": epoch,
                "commit": base64(commit.message),
            }
            if commit.welcome is not None:
                welcome = {
                    "device_ids": [leaf.device_id for leaf in added],
                    "welcome": base64(commit.welcome),
                }
                body["welcomes"] = [welcome]
            group.save_pending()
            self._shelf.set_pending(conversation_id, body)
            if await self._have_taken(conversation_id, body):
                return
        raise CannotDecrypt("the group does not come to rest")

    async def _have_taken(self, conversation_id: str, body: Mapping[str, Any]) -> bool:
        """Send a commit, possibly again, and catch up; returns whether it was accepted.

        Without an answer it remains pending: the log may have it, or it is sent again unchanged.
        """
        try:
            await self._client.request("POST", f"{mls(conversation_id)}/commits", json=body)
            taken = True
        except ApiError as error:
            if error.code != "epoch_conflict":
                if error.status < 500 and error.status != 429:
                    self._shelf.end_pending(conversation_id)
                    self._groups.reload(conversation_id)  # reloaded later in its state before the commit
                raise
            taken = False
        await self._reader.catch_up(conversation_id)  # own commits come by the log, like all others
        self._shelf.end_pending(conversation_id)
        return taken
