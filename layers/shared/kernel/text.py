"""Text as readers see it: whether it is visible, whether two texts look the same, and how search compares words.

`kernel.schema` checks the kinds of text of the API's fields by these rules.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Marks with canonical combining classes up to this belong to a letter (nukta, kana voicing, virama); above are accents.
_LETTERS_OWN = 9
# Characters that are invisible and ignored by search: format characters, default ignorables, Hangul fillers and soft
# hyphens (Unicode's DerivedCoreProperties.txt, Default_Ignorable_Code_Point).
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_LETTER = re.compile(
    "[^\\W\u115f\u1160\u3164\uffa0]"
)  # a visible letter or digit: Unicode counts the excluded Hangul fillers as letters
_BLANK = frozenset("\u2800")  # the empty Braille pattern is a symbol, but invisible
# Overrides, embeddings and isolates change the reading direction (UAX 9), and show `gnp.exe` as `exe.png`.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_LINE_BREAKS = ("Cc", "Zl", "Zp")
# Letters that Unicode does not decompose, the tatweel, which only stretches an Arabic word, and the letters by which
# keyboards for Arabic, Persian and Urdu write the same one (as Lucene's ArabicNormalizer and PersianNormalizer).
_PLAIN = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "\u0640": ""}
    | dict.fromkeys("\u0649\u06cc\u06d2", "\u064a")
    | dict.fromkeys("\u06a9", "\u0643")
    | dict.fromkeys("\u0629\u06c1\u06c3\u06d5", "\u0647")
    | {"\u0671": "\u0627"}
)
# Variants of the apostrophe and of the hyphen.
_PUNCTUATION = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u2032", "'") | dict.fromkeys("\u2010\u2011\u2212", "-"))


# --- visibility -----------------------------------------------------------------------------------------------


def shows(text: str) -> bool:
    """Whether a text has a visible character.

    Spaces, invisible characters, controls and lone combining marks do not count.
    """
    if any(map(_is_visible, text[:32])) or _LETTER.search(text):
        return True
    return any(map(_is_visible, set(text[32:])))


@lru_cache(maxsize=4_096)
def _is_visible(char: str) -> bool:
    # unassigned and private-use characters are drawn as a box, so they are visible
    shows_nothing = unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Me", "Mc")
    return not (shows_nothing or char in _BLANK or _IGNORABLE.match(char) is not None)


def is_one_line(text: str) -> bool:
    """Whether a text has no control character, line break, lone surrogate or change of reading direction."""
    return not _TURNING.search(text) and not any(
        unicodedata.category(char) in _LINE_BREAKS or "\ud800" <= char <= "\udfff" for char in text
    )


# --- sameness -------------------------------------------------------------------------------------------------


def sameness(text: str, *, with_accents: bool = False) -> str:
    """A key that is equal for texts that readers cannot tell apart or would not distinguish; not for display.

    Case, width, spaces and invisible characters make no difference, nor do letters of another script that look like
    Latin ones (UTS 39, by the package confusable-homoglyphs), nor accents, unless `with_accents`. Latin letters and
    digits stay distinct: `modern` and `modem` differ.
    """
    folded = unicodedata.normalize("NFC", _spread(text)) if with_accents else fold(text)
    plain = " ".join(folded.split())
    return plain if plain.isascii() else "".join(_as_latin(char) for char in plain)


@lru_cache(maxsize=4_096)
def _as_latin(char: str) -> str:
    """The ASCII letters with which a character of another script can be confused; else the character itself."""
    if char.isascii():
        return char
    from confusable_homoglyphs.confusables import confusables_data  # takes 50 ms, only needed for other scripts

    looks_like = (str(each["c"]) for each in confusables_data.get(char, ()))
    return next((each.casefold() for each in looks_like if each.isascii() and each.isalnum()), char)


# --- search ---------------------------------------------------------------------------------------------------


def fold(text: str) -> str:
    """The text without case, accents, compatibility forms and invisible characters: "Ｃafé" and "CAFE" become equal.

    Digits of all scripts become those of ASCII. Unicode's D146 over NFKD. The search of messages, people and files all
    use this function.
    """
    spread = _spread(text)
    if not spread.isascii():
        spread = spread.translate(_PLAIN)
        spread = "".join(
            str(unicodedata.decimal(char, char)) for char in spread if unicodedata.combining(char) <= _LETTERS_OWN
        )
    return unicodedata.normalize("NFC", spread)


def _spread(text: str) -> str:
    """The text without case, compatibility forms and invisible characters, its accents apart from their letters."""
    spread = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return spread if spread.isascii() else _IGNORABLE.sub("", spread).translate(_PUNCTUATION)


def parts_of_word(word: str) -> list[str]:
    """The search terms of a folded word: whole, without its hyphens and apostrophes, and the parts between them."""
    parts = re.split("['-]", word)
    return [word] if len(parts) == 1 else [word, "".join(parts), *(part for part in parts if part)]
