"""Search: splitting texts into words, parsing queries, and matching. No AWS.

Words are compared folded (case, accents, width). A word of the query matches every word that begins with it. A word
with hyphens or apostrophes is found by its parts and as a whole: "O'Brien" by brien and by obrien. In scripts without
spaces between words (CJK, Thai …) and in symbols, a query matches anywhere within a run of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Literal, Protocol

from kernel.errors import ValidationFailed
from kernel.text import fold

MAX_QUERY_CHARS = 200
MAX_QUERY_WORDS = 50
MAX_WORD_CHARS = 64
MAX_INDEXED_CHARS = 6_000  # of the distinct words of one text; enough for 10,000 characters of prose
HAS_FILE = "has:file"

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)
_JOINER = re.compile("(?<=[^\\W_])['-](?=[^\\W_])")  # between letters or digits; `fold` makes its variants these two
_CharClass = Literal["gap", "letter", "run"]


@lru_cache(maxsize=4_096)
def _char_class(char: str) -> _CharClass | None:
    """The class of a character; None for marks, which belong to the character before them."""
    if _UNSPACED.match(char):
        return "run"
    category = unicodedata.category(char)
    if category == "So":
        return "run"  # emoji and other symbols
    if category[0] == "M":
        return None
    return "letter" if category[0] in "LN" else "gap"


def _pieces(folded: str) -> Iterator[tuple[_CharClass, str]]:
    """The words and runs of a folded text, in order."""
    piece = ""
    nature: _CharClass = "gap"
    for char in folded + " ":
        found = _char_class(char) or nature
        if found != nature:
            if nature != "gap":
                yield nature, piece
            piece, nature = "", found
        piece += char


def words(text: str) -> str:
    """The distinct words of a text, separated and surrounded by single spaces; "" if there are none."""
    kept: dict[str, None] = {}
    room = MAX_INDEXED_CHARS
    folded = fold(text)
    whole = _JOINER.sub("", folded)  # its words are kept last, as the parts matter more in a very long text
    for nature, piece in chain(_pieces(folded), _pieces(whole) if whole != folded else ()):
        word = piece[:MAX_WORD_CHARS] if nature == "letter" else piece[:room]
        if word not in kept:
            room -= len(word) + 1
            if room < 0:
                break
            kept[word] = None
    return f" {' '.join(kept)} " if kept else ""


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A parsed query. All `parts` occur in the `words` of a matching text; times in ms."""

    parts: tuple[str, ...]
    conversation_id: str | None = None
    sender_id: str | None = None
    before: int | None = None
    has_file: bool = False

    def matches(self, indexed: str) -> bool:
        """Whether the `words` of a text match the query."""
        return all(part in indexed for part in self.parts)


def parse(
    q: str,
    *,
    conversation_id: str | None = None,
    sender_id: str | None = None,
    before: int | None = None,
    has_file: bool = False,
) -> ParsedQuery:
    """Parse a query, in which `has:file` is a filter. Raises ValidationFailed if it has no words and no filter."""
    typed = q.split()
    rest = " ".join(word for word in typed if word.casefold() != HAS_FILE)
    has_file = has_file or len(rest.split()) < len(typed)
    pieces = dict.fromkeys(_pieces(fold(rest)))
    if not pieces and not has_file:
        raise ValidationFailed.of("q", "a word to look for")
    if len(pieces) > MAX_QUERY_WORDS:
        raise ValidationFailed.of("q", f"at most {MAX_QUERY_WORDS} words")
    parts = tuple(f" {piece[:MAX_WORD_CHARS]}" if nature == "letter" else piece for nature, piece in pieces)
    return ParsedQuery(parts, conversation_id, sender_id, before, has_file)


# --- results of all sources -----------------------------------------------------------------------------------

Position = tuple[int, str]  # time in ms, and a unique key for hits of the same ms; the newest hit is the greatest


@dataclass(frozen=True, slots=True)
class Hit:
    """One result: its position in the order of results, and the object itself, with its `kind`."""

    position: Position
    found: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SourcePage:
    """All hits of a source from the requested position down to `scanned_to`, newest first.

    `scanned_to` is None if the source has nothing further.
    """

    hits: Sequence[Hit]
    scanned_to: Position | None


class Source(Protocol):
    """A source of search results: messages or files.

    Returns hits that the caller may see, at least `limit` of them if there are as many and time allows.
    """

    def __call__(self, user_id: str, query: ParsedQuery, *, below: Position | None, limit: int) -> SourcePage: ...


def merge(found: Sequence[SourcePage], limit: int) -> SourcePage:
    """The newest hits of several sources: none below a position down to which a source has not yet scanned."""
    scanned_to = max((each.scanned_to for each in found if each.scanned_to is not None), default=None)
    hits = sorted((hit for each in found for hit in each.hits), key=lambda hit: hit.position, reverse=True)
    sure = [hit for hit in hits if scanned_to is None or hit.position >= scanned_to]
    page = sure[:limit]
    if len(sure) > limit:
        return SourcePage(page, page[-1].position)
    return SourcePage(page, scanned_to)
