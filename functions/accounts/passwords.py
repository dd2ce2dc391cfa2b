"""Passwords: which are accepted, how they are hashed and compared. Knows no account."""

from __future__ import annotations

import hashlib
import unicodedata
from base64 import b64encode
from functools import lru_cache
from pathlib import Path

import bcrypt

from kernel.errors import ValidationFailed

COST = 12
MIN_CHARS, MAX_CHARS = 10, 128  # code points as sent; the schema checks them
_COMMON = Path(__file__).with_name("common_passwords.txt")
# of random bytes nobody kept: unknown accounts are compared against it, so that they take as long
_NOBODY = "$2b$12$.qVZMPatvxgrW7AfrxXM5uO0L9j4Ao1oVG5kYr6hTJTI4Zdi.rTDa"


def require_uncommon(password: str, field: str) -> None:
    """Raise ValidationFailed for a password of the shipped list, in any case of letters."""
    if unicodedata.normalize("NFC", password).lower() in _common():
        raise ValidationFailed.of(field, "is one of the most common passwords")


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    header, _, words = _COMMON.read_text("utf-8").partition("\n\n")
    del header
    return frozenset(words.split("\n"))


def hashed(password: str) -> str:
    """The bcrypt hash to keep."""
    return bcrypt.hashpw(_prepared(password), bcrypt.gensalt(COST)).decode()


def matches(password: str, kept: str | None) -> bool:
    """Whether it is the password of that hash; None (no such account) takes as long and is never right."""
    right = bcrypt.checkpw(_prepared(password), (kept or _NOBODY).encode())
    return right and kept is not None


def _prepared(password: str) -> bytes:
    """What bcrypt gets: it takes 72 bytes and stops at NUL, so 44 characters made from the whole password.

    NFC first, as for OpaqueString in RFC 8265: what looks the same is the same from every keyboard.
    """
    whole = unicodedata.normalize("NFC", password).encode()
    return b64encode(hashlib.sha256(whole).digest())
