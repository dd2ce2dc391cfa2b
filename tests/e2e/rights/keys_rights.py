"""The keys' rows of the authorisation matrix: a device of the owner, and an encrypted group of the scene's people."""

from __future__ import annotations

import secrets
import time
from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests import mls
from tests.e2e.people import Person

TABLE = """
PUT    /keys/devices/{device_id}                                                200 200 200 200 200 200 401 200
GET    /keys/devices                                                            200 200 200 200 200 200 401 200
DELETE /keys/devices/{device_id}                                                204 404 404 404 404 404 401 404
POST   /keys/packages                                                           201 404 404 404 404 404 401 404
GET    /keys/packages                                                           200 404 404 404 404 404 401 404
POST   /keys/claims                                                             200 200 200 200 200 200 401 200
GET    /keys/welcomes                                                           200 200 200 200 200 200 401 200
DELETE /keys/welcomes/{welcome_id}                                              204 404 404 404 404 404 401 404
GET    /keys/log                                                                200 200 200 200 200 404 401 200
GET    /keys/log/proof                                                          200 200 200 200 200 404 401 200
PUT    /keys/backup                                                             200 200 200 200 200 200 401 200
GET    /keys/backup                                                             200 200 200 200 200 200 401 200
DELETE /keys/backup                                                             204 204 204 204 204 204 401 204
POST   /conversations/{conversation_id}/mls/commits                             201 201 201 404 404 404 401 404
GET    /conversations/{conversation_id}/mls/commits/{epoch}                     200 200 200 404 404 404 401 404
POST   /conversations/{conversation_id}/mls/proposals                           201 201 201 404 404 404 401 404
POST   /conversations/{conversation_id}/mls/changes                             201 201 201 404 404 404 401 404
GET    /conversations/{conversation_id}/mls/group-info                          200 200 200 404 404 404 401 404
"""
Values = dict[str, Any]
BACKUP = {"version": 1, "salt": "c2FsdA==", "params": {}, "ciphertext": "c2VhbGVk"}
DEVICE = "desk"


def b64(raw: bytes) -> str:
    return b64encode(raw).decode()


def device_body(person: Person, device_id: str, key: Ed25519PrivateKey) -> Values:
    """The body that registers a device of this person."""
    return {
        "name": device_id,
        "signature_key": b64(key.public_key().public_bytes_raw()),
        "credential": b64(mls.credential(person.id, device_id)),
    }


@dataclass
class Keyring:
    """The objects of these rows, made on first use."""

    people: dict[str, Person]
    direct: str  # the conversation of the owner and the blocked person

    @property
    def owner(self) -> Person:
        return self.people["owner"]

    @cached_property
    def group(self) -> str:
        """An encrypted group like the scene's."""
        others = [self.people[name] for name in ("admin", "member", "former")]
        group = self.owner.group_with(*others, settings={"encrypted": True})
        self.owner.ok("DELETE", f"/conversations/{group}/members/{self.people['former'].id}")
        self.owner.ok("POST", f"/conversations/{group}/mls/commits", self._commit(group, 0))
        return group

    @cached_property
    def key(self) -> Ed25519PrivateKey:
        """The key of the owner's device; making it registers the device."""
        key = Ed25519PrivateKey.generate()
        self.owner.ok("PUT", f"/keys/devices/{DEVICE}", device_body(self.owner, DEVICE, key))
        return key

    def _commit(self, group: str, epoch: int, **more: Any) -> Values:
        commit, info = mls.public_message(group, epoch), mls.group_info(group, epoch + 1)
        body = {"client_id": secrets.token_hex(8), "epoch": epoch, "commit": b64(commit), "group_info": b64(info)}
        return {**body, **more}

    def _epoch(self) -> int:
        """The group's present epoch."""
        epoch: int = self.owner.ok("GET", f"/conversations/{self.group}/mls/group-info")["epoch"]
        return epoch

    def _welcome(self) -> str:
        """The id of a pending Welcome for the owner's device."""
        assert self.key
        letter = {"device_ids": [DEVICE], "welcome": b64(mls.welcome())}
        body = self._commit(self.group, self._epoch(), welcomes=[letter])
        self.people["admin"].ok("POST", f"/conversations/{self.group}/mls/commits", body)
        waiting = self.owner.ok("GET", "/keys/welcomes", params={"device_id": DEVICE})["items"]
        return str(waiting[-1]["id"])

    def _removable(self) -> str:
        """Another device of the owner, which may be removed."""
        self.owner.ok("PUT", "/keys/devices/spare", device_body(self.owner, "spare", Ed25519PrivateKey.generate()))
        return "spare"

    def values(self, route: str, role: str) -> Values:
        """The path parameters of a route."""
        if "/mls/" in route:
            return {"conversation_id": self.direct if role == "blocked" else self.group, "epoch": 0}
        if "{device_id}" in route:
            return {"device_id": self._removable() if route.startswith("DELETE") else f"{DEVICE}-2"}
        if "{welcome_id}" in route:
            return {"welcome_id": self._welcome()}
        if route == "GET /keys/backup" and role != "anonymous":
            self.people[role].ok("PUT", "/keys/backup", BACKUP)
        return {}

    def body(self, route: str, role: str) -> Values | None:
        person = self.people.get(role, self.owner)
        if route == "PUT /keys/devices/{device_id}":
            return device_body(person, f"{DEVICE}-2", Ed25519PrivateKey.generate())
        if route == "POST /keys/packages":
            now = int(time.time())
            package = mls.Package(self.owner.id, DEVICE, now - 60, now + 86_400, key=self.key)
            return {"device_id": DEVICE, "packages": [b64(package.message())]}
        if route == "POST /keys/claims":
            return {"user_ids": [self.owner.id]}
        if route == "PUT /keys/backup":
            return BACKUP
        if route.endswith("/mls/commits"):
            group = self.direct if role == "blocked" else self.group
            return self._commit(group, self._epoch())
        if route.endswith("/mls/proposals"):
            group = self.direct if role == "blocked" else self.group
            proposal = mls.public_message(group, self._epoch(), mls.PROPOSAL)
            return {"client_id": secrets.token_hex(8), "proposal": b64(proposal)}
        if route.endswith("/mls/changes"):
            group = self.direct if role == "blocked" else self.group
            return {"client_id": secrets.token_hex(8), "ciphertext": b64(mls.private_message(group, self._epoch()))}
        return None

    def query(self, route: str) -> Values:
        if route in ("GET /keys/packages", "GET /keys/welcomes"):
            assert self.key
            return {"device_id": DEVICE}
        if route == "GET /keys/devices":
            return {"user_ids": self.owner.id}
        if route.startswith("GET /keys/log"):
            assert self.key
            return {"user_id": self.owner.id}
        return {}
