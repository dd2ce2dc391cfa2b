"""Password rules, hashing and verification, without any accounts."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from base64 import b64encode
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import bcrypt

from accounts import libxcrypt
from kernel.errors import ValidationFailed

COST = 12
MIN_CHARS, MAX_CHARS = 10, 128  # code points as sent; the schema checks them
PRODUCT = "Secure Connect"
CONTEXT_MIN_CHARS = 4  # shorter names occur in too many words
REST_MIN_CHARS = 3  # that a password must have besides such names
_COMMON = Path(__file__).with_name("common_passwords.txt")
# the hash of discarded random bytes, compared with for unknown accounts, so that they take the same time
_NOBODY = "$2b$12$.qVZMPatvxgrW7AfrxXM5uO0L9j4Ao1oVG5kYr6hTJTI4Zdi.rTDa"


def require_uncommon(password: str, field: str) -> None:
    """Raise ValidationFailed for a password of the shipped list, ignoring case."""
    if _fold(password) in _common():
        raise ValidationFailed.of(field, "is one of the most common passwords")


def require_unrelated(password: str, field: str, names: Iterable[str]) -> None:
    """Raise ValidationFailed for a password that is hardly more than the product's name or the person's `names`
    (username, display name, e-mail address), which are guessed first."""
    rest = _fold(password)
    words = {word for text in (PRODUCT, *names) for word in (_fold(text), "".join(_words(text)), *_words(text))}
    for word in sorted((each for each in words if len(each) >= CONTEXT_MIN_CHARS), key=len, reverse=True):
        rest = rest.replace(word, "")
    if len(rest) < REST_MIN_CHARS:
        raise ValidationFailed.of(field, "is hardly more than a name of yours or of this service")


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()


def _words(text: str) -> list[str]:
    """The runs of letters and digits in a text."""
    return "".join(char if char.isalnum() else " " for char in _fold(text)).split()


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    header, _, words = _COMMON.read_text("utf-8").partition("\n\n")
    del header
    return frozenset(words.split("\n"))


def hash_password(password: str) -> str:
    """The bcrypt hash of a password, for storage."""
    return _hash(password, bcrypt.gensalt(COST)).decode()


def matches(password: str, password_hash: str | None) -> bool:
    """Whether a password has this hash; None (an unknown account) takes the same time and is always False."""
    expected = (password_hash or _NOBODY).encode()
    return hmac.compare_digest(_hash(password, expected), expected) and password_hash is not None


def _hash(password: str, setting: bytes) -> bytes:
    """bcrypt by libxcrypt, a seventh faster than by the package, which is there where the library is missing."""
    prepared = _prepare(password)
    return libxcrypt.bcrypt(prepared, setting) or bcrypt.hashpw(prepared, setting)


def _prepare(password: str) -> bytes:
    """The input of bcrypt, which reads 72 bytes up to a NUL: a SHA-256 of the whole password in base 64.

    Normalised to NFC first (OpaqueString, RFC 8265), so that equal texts from different keyboards are equal.
    """
    whole = unicodedata.normalize("NFC", password).encode()
    return b64encode(hashlib.sha256(whole).digest())
