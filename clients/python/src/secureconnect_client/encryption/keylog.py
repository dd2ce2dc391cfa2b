"""The client's view of the key log: every answer is verified against a signed head of an append-only log.

The verified head is stored in the vault, so a server that later presents another history is detected.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

from secureconnect_client.api.base import Requester
from secureconnect_client.encryption import merkle
from secureconnect_client.encryption.errors import GhostDevice, LogTampered
from secureconnect_client.encryption.merkle import ProofFailed
from secureconnect_client.encryption.tls import Leaf
from secureconnect_client.encryption.vault import Vault
from secureconnect_client.errors import ApiError

_HEAD = "key-log/head"
TRIES = 5  # to read a log that grows meanwhile


class KeyLog:
    """The keys of people's devices, by the log that the server cannot rewrite unnoticed."""

    def __init__(self, client: Requester, vault: Vault) -> None:
        self._client = client
        self._vault = vault
        self._keys: dict[str, Any] = {}
        self._present: dict[str, dict[str, str]] = {}
        self._ever: dict[str, set[tuple[str, str]]] = {}

    async def refresh(self, user_id: str) -> dict[str, str]:
        """Read the hash of the present key of each device of a person. Raises LogTampered."""
        entries = await self._entries(user_id, [])
        for _ in range(TRIES):
            if not entries or await self._prove(user_id, entries[-1]):
                break
            entries = await self._entries(user_id, entries)  # a newer entry was added meanwhile
        else:
            raise LogTampered("the key log keeps back an entry that it proves")
        present: dict[str, str] = {}
        for entry in entries:
            if entry["action"] == "removed":
                present.pop(entry["device_id"], None)
            else:
                present[entry["device_id"]] = entry["key_hash"]
        self._present[user_id] = present
        self._ever[user_id] = {(each["device_id"], each["key_hash"]) for each in entries}
        return present

    async def require_registered(self, leaf: Leaf) -> None:
        """Raise GhostDevice unless the log has exactly this key as the device's present one."""
        wanted = hashlib.sha256(leaf.signature_key).hexdigest()
        if self._present.get(leaf.user_id, {}).get(leaf.device_id) == wanted:
            return
        if (await self.refresh(leaf.user_id)).get(leaf.device_id) != wanted:
            raise GhostDevice(f"{leaf.user_id} has not registered this key for {leaf.device_id}")

    async def require_ever_registered(self, leaf: Leaf) -> None:
        """Raise GhostDevice unless the log has this key as a present or former one of the device."""
        wanted = (leaf.device_id, hashlib.sha256(leaf.signature_key).hexdigest())
        if wanted in self._ever.get(leaf.user_id, ()):
            return
        await self.refresh(leaf.user_id)
        if wanted not in self._ever[leaf.user_id]:
            raise GhostDevice(f"{leaf.user_id} has never registered this key for {leaf.device_id}")

    async def _entries(self, user_id: str, known: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The known entries and those after them."""
        entries = list(known)
        while True:
            params = {"user_id": user_id, "after": entries[-1]["n"] if entries else 0, "limit": 100}
            try:
                page = await self._client.request("GET", "/keys/log", params=params)
            except ApiError as error:
                if error.status == 404:
                    return []
                raise
            entries += page["items"]
            if page["next_cursor"] is None:
                break
        numbers = [each["n"] for each in entries]
        if numbers != sorted(set(numbers)) or any(each["user_id"] != user_id for each in entries):
            raise LogTampered("the key log is not in order")
        return entries

    async def _prove(self, user_id: str, last: Mapping[str, Any]) -> bool:
        """Verify that the last entry is in the log, and that the log extends the stored head.

        Returns False if there is a later entry by now.
        """
        known = json.loads(self._vault.get(_HEAD) or b'{"size": 0, "root": ""}')
        params = {"user_id": user_id, "from": known["size"]}
        proof = await self._client.request("GET", "/keys/log/proof", params=params)
        if proof["entry"]["n"] > last["n"]:
            return False
        if proof["entry"] != last:
            raise LogTampered("the key log and its proof do not speak of the same entry")
        head = await self._checked_head(proof["head"])
        if head["size"] != proof["size"]:
            raise LogTampered("the key log and its head have not the same size")
        root = bytes.fromhex(head["root"])
        try:
            merkle.require_inclusion(
                merkle.leaf(last),
                index=proof["index"],
                size=head["size"],
                proof=[bytes.fromhex(each) for each in proof["inclusion"]],
                root=root,
            )
            merkle.require_consistency(
                earlier=known["size"],
                earlier_root=bytes.fromhex(known["root"]),
                size=head["size"],
                root=root,
                proof=[bytes.fromhex(each) for each in proof["consistency"]],
            )
        except ProofFailed as error:
            raise LogTampered(str(error)) from error
        self._vault.put(_HEAD, json.dumps({"size": head["size"], "root": head["root"]}).encode())
        return True

    async def _checked_head(self, token: str) -> dict[str, Any]:
        """The content of a signed head (a JWS, ES256). Raises LogTampered."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        try:
            header, payload, signature = token.split(".")
            kid, raw = json.loads(_decoded(header))["kid"], _decoded(signature)
            key = await self._key(kid)
            r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
            signed = f"{header}.{payload}".encode()
            key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
            return dict(json.loads(_decoded(payload)))
        except (InvalidSignature, ValueError, KeyError) as error:
            raise LogTampered("the head of the key log is not signed by the server") from error

    async def _key(self, kid: str) -> Any:
        from cryptography.hazmat.primitives.asymmetric import ec

        if kid not in self._keys:
            answer = await self._client.request("GET", "/.well-known/jwks.json", auth=False)
            for each in answer["keys"]:
                x, y = (int.from_bytes(_decoded(each[name]), "big") for name in ("x", "y"))
                self._keys[each["kid"]] = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        return self._keys[kid]


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
