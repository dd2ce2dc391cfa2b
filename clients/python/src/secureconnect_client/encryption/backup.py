"""Backups of the messages a device has read, encrypted under a passphrase, for the person's next device.

Argon2id (RFC 9106) derives the key, and AES-256-GCM encrypts compressed JSON (format 1). The server stores a
backup and cannot decrypt it. Message keys are deleted after use, so backups hold texts: the newest that fit.
"""

from __future__ import annotations

import json
import os
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import normalize

from secureconnect_client.encryption.errors import CannotDecrypt

FORMAT = 1
MAX_BYTES = 1_000_000  # of the ciphertext; the server accepts 1 MB
_ABOUT = b"SecureConnect backup 1"
_TAG_BYTES = 16
_MAX_MEMORY_KIB = 262_144
_MAX_PASSES = 16
PARAMS = {"kdf": "argon2id", "memory_kib": 47_104, "passes": 1, "lanes": 1}


def seal(items: Sequence[Mapping[str, Any]], passphrase: str) -> dict[str, Any]:
    """The document for `PUT /keys/backup`.

    `items` are ordered newest first; those that do not fit are omitted.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    plain = _compressed(items)
    while len(plain) + _TAG_BYTES > MAX_BYTES:
        items = items[: len(items) * 4 // 5]
        plain = _compressed(items)
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = AESGCM(_key(passphrase, salt, PARAMS)).encrypt(nonce, plain, _ABOUT)
    return {
        "version": FORMAT,
        "salt": _b64(salt),
        "params": {**PARAMS, "nonce": _b64(nonce)},
        "ciphertext": _b64(sealed),
    }


def unseal(document: Mapping[str, Any], passphrase: str) -> list[dict[str, Any]]:
    """The items of a backup. Raises CannotDecrypt for a wrong passphrase or an unknown format."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if document["version"] != FORMAT:
        raise CannotDecrypt("the backup is of another version")
    try:
        key = _key(passphrase, b64decode(document["salt"]), document["params"])
        nonce, sealed = b64decode(document["params"]["nonce"]), b64decode(document["ciphertext"])
        found = json.loads(zlib.decompress(AESGCM(key).decrypt(nonce, sealed, _ABOUT)))
    except (InvalidTag, ValueError, KeyError, zlib.error) as error:
        raise CannotDecrypt("the passphrase is another one, or the backup is damaged") from error
    return list(found["said"])


def _key(passphrase: str, salt: bytes, params: Mapping[str, Any]) -> bytes:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    # the server chooses these parameters and must not exhaust this machine's memory
    if params["memory_kib"] > _MAX_MEMORY_KIB or params["passes"] > _MAX_PASSES:
        raise ValueError("the backup asks for more work than any of ours")
    derive = Argon2id(
        salt=salt,
        length=32,
        iterations=params["passes"],
        lanes=params["lanes"],
        memory_cost=params["memory_kib"],
    )
    return derive.derive(normalize("NFC", passphrase).encode())


def _compressed(items: Sequence[Mapping[str, Any]]) -> bytes:
    return zlib.compress(json.dumps({"said": list(items)}, ensure_ascii=False).encode(), 9)


def _b64(raw: bytes) -> str:
    return b64encode(raw).decode()
