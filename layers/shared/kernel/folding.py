"""Folding: letters without case, width and accents, so that texts can be compared as people mean them."""

from __future__ import annotations

import unicodedata

# Canonical combining classes up to this are part of a letter (nukta, kana voicing, virama), those above accents.
_LETTERS_OWN = 9
# Unicode gives these no decomposition; the last two only choose between two pictures of a sign.
_PLAIN = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "\ufe0e": None, "\ufe0f": None}
)


def fold(text: str) -> str:
    """The text without case, accents and compatibility forms: "Ｃafé" and "CAFE" are alike (Unicode D146, and NFKD)."""
    spread = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(char for char in spread.translate(_PLAIN) if unicodedata.combining(char) <= _LETTERS_OWN)
    return unicodedata.normalize("NFC", bare)
