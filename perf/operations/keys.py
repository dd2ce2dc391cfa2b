"""Counted operations of encrypted conversations and of the keys."""

from __future__ import annotations

import os
import time
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kernel import ids
from keys.framing import vector
from perf import gateway
from perf.fixtures import MESSAGES, Operation, call, done, new_conversation
from perf.gateway import Reply
from perf.in_process_stack import InProcessStack
from perf.people import Person, newcomers

CIPHERTEXT_BYTES = 220  # for a message of 100 characters, padded to 128
COMMITS = "POST /conversations/{conversation_id}/mls/commits"


def b64(raw: bytes) -> str:
    return b64encode(raw).decode()


def _framed(conversation_id: str, epoch: int, kind: int) -> bytes:
    """A PrivateMessage whose header the server can parse."""
    head = b"\x00\x01\x00\x02" + vector(conversation_id.encode()) + epoch.to_bytes(8, "big") + bytes([kind])
    return head + vector(b"") + vector(os.urandom(28)) + vector(os.urandom(CIPHERTEXT_BYTES))


def _say(sender: Person, conversation_id: str, _turn: int = 0) -> Reply:
    ciphertext = b64(_framed(conversation_id, 0, 1))
    body = {"client_id": ids.new("c"), "type": "encrypted", "ciphertext": ciphertext}
    path = {"conversation_id": conversation_id}
    return done(gateway.http("MessagesFunction", f"POST {MESSAGES}", sender, path=path, body=body))


def send_encrypted(size: int, _stack: InProcessStack) -> Operation:
    conversation_id, people = new_conversation(size, encrypted=True)
    return Operation(partial(_say, people[0], conversation_id))


def _device(person: Person, device_id: str, key: Ed25519PrivateKey) -> Reply:
    identity = f"{person.user_id}/{device_id}".encode()
    body = {
        "name": device_id,
        "signature_key": b64(key.public_key().public_bytes_raw()),
        "credential": b64(b"\x00\x01" + vector(identity)),
    }
    return call("KeysFunction", "PUT /keys/devices/{device_id}", person, body, device_id=device_id)


def register_device(_stack: InProcessStack) -> Operation:
    people = newcomers(8)
    return Operation(lambda turn: _device(people[turn], "phone", Ed25519PrivateKey.generate()))


def _package(person: Person, device_id: str, key: Ed25519PrivateKey) -> str:
    now = int(time.time())

    def signed(label: bytes, content: bytes) -> bytes:
        return content + vector(key.sign(vector(b"MLS 1.0 " + label) + vector(content)))

    one = vector(b"\x00\x01")
    who = b"\x00\x01" + vector(f"{person.user_id}/{device_id}".encode())
    leaf = vector(os.urandom(32)) + vector(key.public_key().public_bytes_raw()) + who + one + one
    leaf += vector(b"") * 2 + one + b"\x01" + (now - 60).to_bytes(8, "big") + (now + 86_400).to_bytes(8, "big")
    package = b"\x00\x01\x00\x01" + vector(os.urandom(32)) + signed(b"LeafNodeTBS", leaf + vector(b"")) + vector(b"")
    return b64(b"\x00\x01\x00\x05" + signed(b"KeyPackageTBS", package))


def _with_device() -> tuple[Person, Ed25519PrivateKey]:
    (person,) = newcomers(1)
    key = Ed25519PrivateKey.generate()
    _device(person, "phone", key)
    return person, key


def _leave(person: Person, key: Ed25519PrivateKey, count: int) -> Reply:
    body = {"device_id": "phone", "packages": [_package(person, "phone", key) for _ in range(count)]}
    return call("KeysFunction", "POST /keys/packages", person, body)


def leave_packages(_stack: InProcessStack) -> Operation:
    person, key = _with_device()
    return Operation(lambda _: _leave(person, key, 20))


def claim(_stack: InProcessStack) -> Operation:
    person, key = _with_device()
    _leave(person, key, 20)
    (other,) = newcomers(1)
    body = {"user_ids": [person.user_id]}
    return Operation(lambda _: call("KeysFunction", "POST /keys/claims", other, body))


def prove(_stack: InProcessStack) -> Operation:
    person, _ = _with_device()
    return Operation(
        lambda _: done(
            gateway.http("KeysFunction", "GET /keys/log/proof", person, query={"user_id": person.user_id, "from": "1"})
        )
    )


def commit(size: int, _stack: InProcessStack) -> Operation:
    conversation_id, people = new_conversation(size, encrypted=True)

    def run(turn: int) -> Reply:
        body: dict[str, Any] = {
            "client_id": ids.new("c"),
            "epoch": turn,
            "commit": b64(_framed(conversation_id, turn, 3)),
        }
        return call("KeysFunction", COMMITS, people[0], body, conversation_id=conversation_id)

    return Operation(run)


OPERATIONS: dict[str, Callable[[InProcessStack], Operation]] = {
    "send encrypted (HTTP), direct": partial(send_encrypted, 2),
    "send encrypted (HTTP), group of 5": partial(send_encrypted, 5),
    "send encrypted (HTTP), group of 50": partial(send_encrypted, 50),
    "commit, group of 5": partial(commit, 5),
    "register a device": register_device,
    "leave 20 key packages": leave_packages,
    "claim a key package": claim,
    "prove the key log": prove,
}
