"""Text as readers see it: what shows, what reads the same, what search compares.

The kinds of text that the API's fields name are in `kernel.schema`, which checks each by the rules here.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Canonical combining classes up to this are part of a letter (nukta, kana voicing, virama), those above accents.
_LETTERS_OWN = 9
# What shows nothing and means nothing to a search: format characters, default ignorables and the Hangul fillers
# (Unicode's DerivedCoreProperties.txt, Default_Ignorable_Code_Point), soft hyphens among them.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_LETTER = re.compile(
    "[^\\W\u115f\u1160\u3164\uffa0]"
)  # a letter or digit that shows: the fillers are letters to Unicode
_BLANK = frozenset("\u2800")  # the Braille pattern without a dot is a symbol that shows nothing
# Overrides, embeddings and isolates turn the reading direction of what follows (UAX 9): `exe.png` of `gnp.exe`.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_LINE_BREAKS = ("Cc", "Zl", "Zp")
# Unicode gives these letters no decomposition.
_PLAIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe"})
# The signs that stand for one apostrophe and one hyphen.
_PUNCTUATION = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u2032", "'") | dict.fromkeys("\u2010\u2011\u2212", "-"))


# --- what shows -----------------------------------------------------------------------------------------------


def shows(text: str) -> bool:
    """Whether a reader sees anything: spaces, invisible characters, controls and lone marks alone are nothing."""
    if any(map(_is_visible, text[:32])) or _LETTER.search(text):
        return True
    return any(map(_is_visible, set(text[32:])))


@lru_cache(maxsize=4_096)
def _is_visible(char: str) -> bool:
    # what is unassigned or for private use shows as a box
    shows_nothing = unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Me", "Mc")
    return not (shows_nothing or char in _BLANK or _IGNORABLE.match(char) is not None)


def is_one_line(text: str) -> bool:
    """Whether a name holds no control character, line break, half of a pair, or change of reading direction."""
    return not _TURNING.search(text) and not any(
        unicodedata.category(char) in _LINE_BREAKS or "\ud800" <= char <= "\udfff" for char in text
    )


# --- what reads the same --------------------------------------------------------------------------------------


def sameness(text: str) -> str:
    """What is equal for two texts that a reader cannot tell apart, or would not mean apart: a key, not for showing.

    Case, accents, width, spaces and what is invisible make no difference, nor do letters of another script that look
    like Latin ones (UTS 39, by the package confusable-homoglyphs). Latin letters and digits stay as they are: `modern`
    and `modem` differ.
    """
    plain = " ".join(fold(text).split())
    return plain if plain.isascii() else "".join(_as_latin(char) for char in plain)


@lru_cache(maxsize=4_096)
def _as_latin(char: str) -> str:
    """The ASCII letters that a character of another script is confusable with; itself if there are none."""
    if char.isascii():
        return char
    from confusable_homoglyphs.confusables import confusables_data  # 50 ms that only names in other scripts spend

    looks_like = (str(each["c"]) for each in confusables_data.get(char, ()))
    return next((each.casefold() for each in looks_like if each.isascii() and each.isalnum()), char)


# --- what search compares -------------------------------------------------------------------------------------


def fold(text: str) -> str:
    """The text without case, accents, compatibility forms and what is invisible: "Ｃafé" and "CAFE" are alike.

    Unicode's D146 over NFKD. One folding for the search of messages, people and files.
    """
    spread = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    if not spread.isascii():
        spread = _IGNORABLE.sub("", spread).translate(_PLAIN).translate(_PUNCTUATION)
        spread = "".join(char for char in spread if unicodedata.combining(char) <= _LETTERS_OWN)
    return unicodedata.normalize("NFC", spread)


def parts_of_word(word: str) -> list[str]:
    """A folded word as it may be looked for: whole, without its hyphens and apostrophes, and what stands between."""
    parts = re.split("['-]", word)
    return [word] if len(parts) == 1 else [word, "".join(parts), *(part for part in parts if part)]
