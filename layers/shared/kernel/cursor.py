"""Cursors of lists: encrypted and authenticated (AES-GCM), bound to the caller and the query; they show no key."""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from kernel.errors import InvalidCursor
from kernel.secrets import Seed, keyring

T = TypeVar("T")
_NONCE_BYTES = 12
MAX_CHARS = 2048  # takes 255 characters of any script
MAX_PAGE_BYTES = 5_000_000  # Lambda answers with 6 MB at most ("Lambda quotas")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list, and the cursor of the next one if there is more."""

    items: list[T]
    next_cursor: str | None = None


def fitting(items: Sequence[Any]) -> int:
    """How many of the items of a list fit one answer, the first in any case: the others belong to the next page.

    The body is a text within the function's answer, which is escaped once more: to ASCII, as the runtime does it.
    """
    room = MAX_PAGE_BYTES
    for number, item in enumerate(items):
        room -= len(json.dumps(json.dumps(item, ensure_ascii=False, default=repr)))
        if room < 0:
            return max(1, number)
    return len(items)


@lru_cache(maxsize=4)
def _cipher(seed: Seed) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 20 ms that most calls need not spend

    return AESGCM(seed.derive("cursor"))


def seal(position: Any, *, bound_to: tuple[str, ...]) -> str:
    """The cursor for a position (any JSON value), good only for the same `bound_to` (caller, route, filters)."""
    nonce = os.urandom(_NONCE_BYTES)
    plain = json.dumps(position, ensure_ascii=False, separators=(",", ":")).encode()
    sealed = nonce + _cipher(keyring.seeds()[0]).encrypt(nonce, plain, "\n".join(bound_to).encode())
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def unseal(cursor: str, *, bound_to: tuple[str, ...]) -> Any:
    """The position inside; raises InvalidCursor for anything but an unchanged cursor of this caller and query."""
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError as error:
        raise InvalidCursor from error
    # base 64 decoders overlook spare bits and foreign characters: only the one canonical spelling is ours
    if len(cursor) > MAX_CHARS or urlsafe_b64encode(raw).rstrip(b"=").decode() != cursor:
        raise InvalidCursor
    from cryptography.exceptions import InvalidTag

    for seed in keyring.seeds():
        try:
            plain = _cipher(seed).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], "\n".join(bound_to).encode())
        except (InvalidTag, ValueError):
            continue
        return json.loads(plain)
    raise InvalidCursor
