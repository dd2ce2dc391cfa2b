"""Ids: a readable prefix and a ULID, so that they sort by time of creation and cannot be guessed (80 random bits)."""

from __future__ import annotations

import re
import secrets

from kernel import clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_DIGITS = {char: value for value, char in enumerate(_ALPHABET)}
_ULID_CHARS = 26
_SHAPE = re.compile(r"[a-z]{2,4}_[0-9a-z]{1,36}")
MAX_ID_CHARS = 40


def base32(number: int, width: int = 1) -> str:
    """Crockford's base 32 in lower case, padded to at least `width` characters."""
    chars: list[str] = []
    while number or len(chars) < width:
        number, digit = divmod(number, 32)
        chars.append(_ALPHABET[digit])
    return "".join(reversed(chars))


def new(prefix: str) -> str:
    """A new id such as `usr_01j…`, with 26 characters after the prefix."""
    return f"{prefix}_{base32(clock.now(), 10)}{base32(secrets.randbits(80), 16)}"


def new_at(prefix: str, position: int) -> str:
    """A new id that also encodes a position (such as a message's seq); read it with `position`."""
    return f"{new(prefix)}{base32(position)}"


def position(of_id: str) -> int | None:
    """The position encoded in an id by `new_at`; None for any other text."""
    tail = of_id.partition("_")[2][_ULID_CHARS:]
    if not tail or any(char not in _DIGITS for char in tail):
        return None
    number = 0
    for char in tail:
        number = number * 32 + _DIGITS[char]
    return number


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` has the shape of an id with this prefix."""
    return len(text) <= MAX_ID_CHARS and text.startswith(f"{prefix}_") and bool(_SHAPE.fullmatch(text))


def token(bits: int = 256) -> str:
    """A random URL-safe secret of at least `bits` bits."""
    return secrets.token_urlsafe(-(-bits // 8))
