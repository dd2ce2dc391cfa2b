"""Passwords: which are accepted, how they are hashed and compared. Knows no account."""

from __future__ import annotations

import hashlib
import unicodedata
from base64 import b64encode
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import bcrypt

from kernel.errors import ValidationFailed

COST = 12
MIN_CHARS, MAX_CHARS = 10, 128  # code points as sent; the schema checks them
PRODUCT = "Secure Connect"
CONTEXT_MIN_CHARS = 4  # shorter names stand in too many words
REST_MIN_CHARS = 6  # beside such words
_COMMON = Path(__file__).with_name("common_passwords.txt")
# of random bytes nobody kept: unknown accounts are compared against it, so that they take as long
_NOBODY = "$2b$12$.qVZMPatvxgrW7AfrxXM5uO0L9j4Ao1oVG5kYr6hTJTI4Zdi.rTDa"


def require_uncommon(password: str, field: str) -> None:
    """Raise ValidationFailed for a password of the shipped list, in any case of letters."""
    if _folded(password) in _common():
        raise ValidationFailed.of(field, "is one of the most common passwords")


def require_unrelated(password: str, field: str, names: Iterable[str]) -> None:
    """Raise ValidationFailed for a password that is hardly more than words of its context: the product's name and the
    person's own names (username, display name, e-mail address), of which a guesser thinks first."""
    rest = _folded(password)
    words = {word for text in (PRODUCT, *names) for word in (_folded(text), "".join(_words(text)), *_words(text))}
    for word in sorted((each for each in words if len(each) >= CONTEXT_MIN_CHARS), key=len, reverse=True):
        rest = rest.replace(word, "")
    if len(rest) < REST_MIN_CHARS:
        raise ValidationFailed.of(field, "is hardly more than a name of yours or of this service")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()


def _words(text: str) -> list[str]:
    """Its runs of letters and digits."""
    return "".join(char if char.isalnum() else " " for char in _folded(text)).split()


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
