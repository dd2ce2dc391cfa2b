"""Devices of people for tests, and what they leave with the server."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.sessions import service as sessions
from kernel import clock
from kernel.transactions import Transaction
from keys import app
from tests.helpers import ADDRESS, Person, Reply, ask
from tests.mls import Package, credential

DAY_S = 86_400


def b64(raw: bytes) -> str:
    return b64encode(raw).decode()


def raw(text: str) -> bytes:
    return b64decode(text)


@dataclass(frozen=True)
class Device:
    """Somebody's device and its signature key."""

    person: Person
    id: str
    key: Ed25519PrivateKey

    @property
    def public_key(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    def package(self, *, begins_in_s: int = -3600, lasts_s: int = 30 * DAY_S) -> bytes:
        """A key package of this device, new each time."""
        begin = clock.now_s() + begins_in_s
        return Package(self.person.user_id, self.id, begin, begin + lasts_s, key=self.key).message()

    def leave(self, *packages: bytes, last_resort: bytes | None = None) -> Reply:
        body: dict[str, Any] = {"device_id": self.id, "packages": [b64(each) for each in packages]}
        if last_resort is not None:
            body["last_resort"] = b64(last_resort)
        return ask(app.app, "POST", "/keys/packages", token=self.person.token, body=body)

    def available(self) -> Mapping[str, Any]:
        found = ask(app.app, "GET", "/keys/packages", token=self.person.token, query={"device_id": self.id})
        assert found.status == 200, found.body
        return dict(found.body)


def put(person: Person, device_id: str, key: Ed25519PrivateKey, **changed: Any) -> Reply:
    """Register a device, with the fields in `changed` replaced."""
    fields = {
        "name": f"{device_id} of {person.username}",
        "signature_key": b64(key.public_key().public_bytes_raw()),
        "credential": b64(credential(person.user_id, device_id)),
        **changed,
    }
    return ask(app.app, "PUT", "/keys/devices/{device_id}", {"device_id": device_id}, token=person.token, body=fields)


def registered(person: Person, device_id: str = "phone") -> Device:
    """A new device."""
    key = Ed25519PrivateKey.generate()
    assert put(person, device_id, key).status == 200
    return Device(person, device_id, key)


def claim(who: Person, *targets: Person) -> Reply:
    return ask(app.app, "POST", "/keys/claims", token=who.token, body={"user_ids": [each.user_id for each in targets]})


def listed(who: Person, *targets: Person) -> list[dict[str, Any]]:
    user_ids = ",".join(each.user_id for each in targets)
    found = ask(app.app, "GET", "/keys/devices", token=who.token, query={"user_ids": user_ids})
    assert found.status == 200, found.body
    return list(found.body["items"])


def log(who: Person, about: Person, **query: str) -> list[dict[str, Any]]:
    found = ask(app.app, "GET", "/keys/log", token=who.token, query={"user_id": about.user_id, **query})
    assert found.status == 200, found.body
    return list(found.body["items"])


def signed_in_again(who: Person) -> Person:
    """The person in another session."""
    transaction = Transaction()
    tokens = sessions.stage_new(transaction, user_id=who.user_id, device_name="test", ip=ADDRESS)
    transaction.commit()
    return replace(who, session_id=tokens.session_id, token=tokens.access_token)
