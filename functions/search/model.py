"""Search: how texts become words, what a query asks for, and when a text answers it. No AWS.

Words are compared folded (case, accents, width). A word of the query matches every word that begins with it. Scripts
that are written without spaces (CJK, Thai …) and symbols have no words to begin: there a query matches anywhere in a
run, which is what bigrams approximate.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol

from kernel.errors import ValidationFailed
from kernel.text import fold

MAX_QUERY_CHARS = 200
MAX_QUERY_WORDS = 50
MAX_WORD_CHARS = 64
MAX_INDEXED_CHARS = 6_000  # of the different words of one text: all of 10,000 characters of prose, and bounded cost
HAS_FILE = "has:file"

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)
_Nature = Literal["gap", "letter", "run"]


@lru_cache(maxsize=4_096)
def _nature(char: str) -> _Nature | None:
    """What a character makes; None for marks, which belong to what they stand on."""
    if _UNSPACED.match(char):
        return "run"
    category = unicodedata.category(char)
    if category == "So":
        return "run"  # emoji and other signs stand by themselves
    if category[0] == "M":
        return None
    return "letter" if category[0] in "LN" else "gap"


def _pieces(text: str) -> Iterator[tuple[_Nature, str]]:
    """The words and runs of a text, folded, in its order."""
    piece = ""
    nature: _Nature = "gap"
    for char in fold(text) + " ":
        found = _nature(char) or nature
        if found != nature:
            if nature != "gap":
                yield nature, piece
            piece, nature = "", found
        piece += char


def words(text: str) -> str:
    """The different words of a text between single spaces, with one at either end; "" when it has none."""
    kept: dict[str, None] = {}
    room = MAX_INDEXED_CHARS
    for nature, piece in _pieces(text):
        word = piece[:MAX_WORD_CHARS] if nature == "letter" else piece[:room]
        if word not in kept:
            room -= len(word) + 1
            if room < 0:
                break
            kept[word] = None
    return f" {' '.join(kept)} " if kept else ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller looks for. `parts` all occur in the `words` of a text that answers it; times in ms."""

    parts: tuple[str, ...]
    conversation_id: str | None = None
    sender_id: str | None = None
    before: int | None = None
    has_file: bool = False

    def matches(self, indexed: str) -> bool:
        """Whether the `words` of a text answer the query."""
        return all(part in indexed for part in self.parts)


def parse(
    q: str,
    *,
    conversation_id: str | None = None,
    sender_id: str | None = None,
    before: int | None = None,
    has_file: bool = False,
) -> Wanted:
    """What a query asks for; `has:file` in it is a filter. Raises ValidationFailed if nothing is left to look for."""
    typed = q.split()
    rest = " ".join(word for word in typed if word.casefold() != HAS_FILE)
    has_file = has_file or len(rest.split()) < len(typed)
    pieces = dict.fromkeys(_pieces(rest))
    if not pieces and not has_file:
        raise ValidationFailed.of("q", "a word to look for")
    if len(pieces) > MAX_QUERY_WORDS:
        raise ValidationFailed.of("q", f"at most {MAX_QUERY_WORDS} words")
    parts = tuple(f" {piece[:MAX_WORD_CHARS]}" if nature == "letter" else piece for nature, piece in pieces)
    return Wanted(parts, conversation_id, sender_id, before, has_file)


# --- results, whatever they come from -------------------------------------------------------------------------

Position = tuple[int, str]  # time in ms and a key that tells apart what happened in the same one; newest is greatest


@dataclass(frozen=True, slots=True)
class Hit:
    """One result: where it stands among the others, and the object itself, with its `kind`."""

    position: Position
    found: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """What a source has found: all its hits below where it was to begin and above `looked_to`, newest first.

    `looked_to` is None when nothing is left below.
    """

    hits: Sequence[Hit]
    looked_to: Position | None


class Source(Protocol):
    """Something that can be searched: messages, files.

    Gives at least `limit` hits if there are so many and it does not take too long, each one that the caller may see.
    """

    def __call__(self, user_id: str, wanted: Wanted, *, below: Position | None, limit: int) -> Found: ...


def merge(found: Sequence[Found], limit: int) -> Found:
    """The newest hits of several sources: none below a context that a source has still to look at."""
    looked_to = max((each.looked_to for each in found if each.looked_to is not None), default=None)
    hits = sorted((hit for each in found for hit in each.hits), key=lambda hit: hit.position, reverse=True)
    sure = [hit for hit in hits if looked_to is None or hit.position >= looked_to]
    page = sure[:limit]
    if len(sure) > limit:
        return Found(page, page[-1].position)
    return Found(page, looked_to)
