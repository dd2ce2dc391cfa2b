"""The past and present members of an encrypted conversation by its log, and the leaves to remove.

The server accepts any commit as a change of keys, even one made before somebody was known to be gone, and a
person who comes back at once may have missed commits. So people and devices that have gone are stored until a
commit has removed their leaves.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from secureconnect_client.api.base import Requester
from secureconnect_client.encryption.errors import GhostDevice
from secureconnect_client.encryption.keylog import KeyLog
from secureconnect_client.encryption.tls import Leaf
from secureconnect_client.encryption.vault import Vault
from secureconnect_client.http import segment


class Membership:
    """The members of conversations.

    Those that are gone are stored as user_id, or user_id/device_id/key hash.
    """

    def __init__(self, client: Requester, vault: Vault, key_log: KeyLog, *, own: str) -> None:
        self._client = client
        self._vault = vault
        self._key_log = key_log
        self._own = own  # user_id/device_id

    async def members(self, conversation_id: str) -> list[str]:
        """The present members."""
        path, params = f"/conversations/{segment(conversation_id)}/members", {"limit": 100}
        members: list[str] = []
        while True:
            page = await self._client.request("GET", path, params=params)
            members += [each["user"]["id"] for each in page["items"]]
            if page["next_cursor"] is None:
                return members
            params = {"limit": 100, "cursor": page["next_cursor"]}

    async def devices(self, conversation_id: str) -> set[Leaf]:
        """The devices that belong in the group, each checked against the key log."""
        members = await self.members(conversation_id)
        found = set()
        for start in range(0, len(members), 100):
            params = {"user_ids": ",".join(members[start : start + 100])}
            for each in (await self._client.request("GET", "/keys/devices", params=params))["items"]:
                leaf = Leaf(each["user_id"], each["device_id"], b64decode(each["signature_key"]))
                await self._key_log.require_registered(leaf)
                found.add(leaf)
        return found

    async def require_honest(
        self,
        conversation_id: str,
        leaves: Iterable[Leaf],
        *,
        seq: int,
        is_new: bool = False,
    ) -> None:
        """Check the devices that a commit or a Welcome brings. Raises GhostDevice.

        Each must have been registered by its person, who must have been a member. A device that was removed
        since is accepted, because it is removed before the next message is sent. A device that has just
        joined cannot know earlier members; it sends nothing to people who are not members now.
        """
        members: set[str] = set()
        for leaf in leaves:
            await self._key_log.require_ever_registered(leaf)
            if leaf.user_id in members or (self.has_met(conversation_id, leaf.user_id) and not is_new):
                continue
            members = members or {*await self.members(conversation_id)}
            self.meet(conversation_id, members)
            if leaf.user_id in members:
                continue
            if not is_new and not await self._leaves_later(conversation_id, leaf.user_id, seq):
                raise GhostDevice(f"{leaf.user_id} is in the group and no member of the conversation")
            self.let_go(conversation_id, leaf.user_id)

    async def _leaves_later(self, conversation_id: str, user_id: str, seq: int) -> bool:
        """Whether the log has the person's removal after `seq`."""
        path = f"/conversations/{segment(conversation_id)}/events"
        while True:
            page = await self._client.request("GET", path, params={"after": seq, "limit": 100})
            for event in page["items"]:
                user = (event["data"] or {}).get("user") or {}
                if event["type"] == "member.removed" and user.get("id") == user_id:
                    return True
                seq = event["seq"]
            if page["next_cursor"] is None:
                return False

    def has_met(self, conversation_id: str, user_id: str) -> bool:
        """Whether a person has been a member, as far as this device has seen."""
        return user_id in self._names("people", conversation_id)

    def meet(self, conversation_id: str, user_ids: Iterable[str]) -> None:
        self._keep("people", conversation_id, self._names("people", conversation_id).union(user_ids))

    def read(self, conversation_id: str, event: Mapping[str, Any], leaves: Sequence[Leaf]) -> None:
        """Process an event of the log. `leaves` are the group's leaves at that event."""
        data = event["data"] or {}
        match event["type"]:
            case "member.added" if data.get("user"):
                user_id = data["user"]["id"]
                self.meet(conversation_id, [user_id])
                if all(leaf.user_id != user_id for leaf in leaves):
                    gone = self._names("gone", conversation_id)
                    self._keep("gone", conversation_id, gone - {user_id})
            case "member.removed" if data.get("user"):
                self.meet(conversation_id, [data["user"]["id"]])
                self.let_go(conversation_id, data["user"]["id"])
            case "keys.changed" if data.get("action") == "removed":
                self.let_go(conversation_id, f"{data['user_id']}/{data['device_id']}/{data['key_hash']}")
            case "keys.changed" if data.get("action") == "changed":
                device, present = f"{data['user_id']}/{data['device_id']}", data["key_hash"]
                for leaf in leaves:
                    if _device_of(leaf) == device and _name_of(leaf) != f"{device}/{present}":
                        self.let_go(conversation_id, _name_of(leaf))

    def let_go(self, conversation_id: str, name: str) -> None:
        """Note that a person or a device has gone whose leaves may still be in the group."""
        self._keep("gone", conversation_id, self._names("gone", conversation_id) | {name})

    def settle(self, conversation_id: str, leaves: Sequence[Leaf]) -> None:
        """After a commit: forget those whose leaves are no longer in the group."""
        inside = {name for leaf in leaves for name in (leaf.user_id, _name_of(leaf))}
        self._keep("gone", conversation_id, self._names("gone", conversation_id) & inside)

    def stale(self, conversation_id: str, leaves: Sequence[Leaf]) -> list[Leaf]:
        """The leaves of others that have gone; they must be removed before the next message."""
        gone = self._names("gone", conversation_id)
        others = (leaf for leaf in leaves if _device_of(leaf) != self._own)
        return [leaf for leaf in others if leaf.user_id in gone or _name_of(leaf) in gone]

    def _names(self, kind: str, conversation_id: str) -> set[str]:
        return set(json.loads(self._vault.get(f"{kind}/{conversation_id}") or b"[]"))

    def _keep(self, kind: str, conversation_id: str, names: set[str]) -> None:
        if names != self._names(kind, conversation_id):
            self._vault.put(f"{kind}/{conversation_id}", json.dumps(sorted(names)).encode())


def _device_of(leaf: Leaf) -> str:
    return f"{leaf.user_id}/{leaf.device_id}"


def _name_of(leaf: Leaf) -> str:
    return f"{_device_of(leaf)}/{hashlib.sha256(leaf.signature_key).hexdigest()}"
