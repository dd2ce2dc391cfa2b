"""The words of texts and queries, compared as the server's search and the web client compare them.

Case, accents, width and invisible characters make no difference. A word of the query matches every word
that begins with it; in scripts without spaces and in symbols it matches anywhere. A word with hyphens or
apostrophes is found by its parts and as a whole.
tests/unit/search/matching.json has examples that hold for all three.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import chain

# marks with combining classes up to this belong to a letter (nukta, kana voicing, virama); above are accents
_LETTERS_OWN = 9
_IGNORABLE = re.compile(  # Unicode's Default_Ignorable_Code_Point
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# letters that Unicode does not decompose, an apostrophe that it counts as one, the stretching tatweel, and
# the letters by which keyboards for Arabic, Persian and Urdu write the same one
_PLAIN = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "\u0131": "i", "æ": "ae", "œ": "oe", "\u02bc": "'", "\u0640": ""}
    | dict.fromkeys("\u0649\u06cc\u06d2", "\u064a")
    | dict.fromkeys("\u06a9", "\u0643")
    | dict.fromkeys("\u0629\u06c1\u06c3\u06d5", "\u0647")
    | {"\u0671": "\u0627"}
)
# hyphens and apostrophes between letters or digits
_JOINER = re.compile("(?<=[^\\W_])['\u2018\u2019\u2032\u2010\u2011\u2212-](?=[^\\W_])")
_UNSPACED = re.compile(  # scripts without spaces between words
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)


def fold(text: str) -> str:
    """The text without case, accents, compatibility forms and invisible characters, with digits of ASCII."""
    spread = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    spread = _IGNORABLE.sub("", spread).translate(_PLAIN)
    kept = "".join(
        str(unicodedata.decimal(char, char)) for char in spread if unicodedata.combining(char) <= _LETTERS_OWN
    )
    return unicodedata.normalize("NFC", kept)


def words(text: str) -> str:
    """The folded words of a text, separated and surrounded by single spaces."""
    folded = fold(text)
    whole = _JOINER.sub("", folded)
    pieces = chain(_pieces(folded), _pieces(whole) if whole != folded else ())
    return f" {' '.join(piece for _, piece in pieces)} "


def parts_of(query: str) -> list[str]:
    """The parts of a query, all of which occur in the `words` of a matching text."""
    return [piece if is_run else f" {piece}" for is_run, piece in _pieces(fold(query))]


def _pieces(folded: str) -> Iterator[tuple[bool, str]]:
    """The words and, marked True, the runs of unspaced characters of a folded text, in order."""
    piece, nature = "", "gap"
    for char in folded + " ":
        found = _nature(char) or nature
        if found != nature:
            if nature != "gap":
                yield nature == "run", piece
            piece, nature = "", found
        piece += char


def _nature(char: str) -> str | None:
    """Gap, letter or run; None for marks, which belong to the character before them."""
    category = unicodedata.category(char)
    if _UNSPACED.match(char) or category == "So":
        return "run"
    if category[0] == "M":
        return None
    return "letter" if category[0] in "LN" else "gap"
