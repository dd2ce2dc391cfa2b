"""Mentions: people named in a text as `@username` or in the field `mentions`, and `@all`.

Only members are mentioned. `@all` is a mention in groups, by the owner and admins only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conversations.api import ContextLoader
from conversations.model import MemberContext
from messages.model import MAX_MENTIONS
from users import api as users

EVERYBODY = "all"
USERNAME_CHARS = range(3, 31)
# not within a word, an address or a path
_AT = re.compile(r"(?<![A-Za-z0-9@./+-])@([A-Za-z0-9_.]{1,40})", re.ASCII)
_LINE_END = re.compile("\r\n|[\n\r\u0085\u2028\u2029]")  # iPhones write U+2028 for Enter
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_BACKTICKS = re.compile("`+")


@dataclass(frozen=True, slots=True)
class Named:
    """The people named: user ids of the field, and for each username in the text the ids it may stand for."""

    given: tuple[str, ...]
    written: tuple[tuple[str, ...], ...]
    everybody: bool

    @property
    def user_ids(self) -> list[str]:
        """The ids of all people who may be mentioned, to be read as members."""
        return list(dict.fromkeys([*self.given, *(user_id for each in self.written for user_id in each)]))

    def stored(self, context: MemberContext, seen: ContextLoader) -> dict[str, Any]:
        """The data of a message: `mentions`, `named` (those of the field), `everyone`."""
        members = self._members(context, seen)
        named = [user_id for user_id in self.given if user_id in members]
        written = (next((each for each in meant if each in members), None) for meant in self.written)
        mentions = list(dict.fromkeys([*named, *(each for each in written if each is not None)]))
        everyone = self.everybody and context.info.kind == "group" and context.member.is_admin
        return {"mentions": mentions[:MAX_MENTIONS], "named": named, "everyone": everyone}

    def stored_after_edit(self, kept: Mapping[str, Any], context: MemberContext, seen: ContextLoader) -> dict[str, Any]:
        """The data of an edited message: people of the field of the first version stay mentioned."""
        first = kept.get("named", [])
        fresh = self.stored(context, seen)
        return {**fresh, "named": first, "mentions": list(dict.fromkeys([*first, *fresh["mentions"]]))[:MAX_MENTIONS]}

    def _members(self, context: MemberContext, seen: ContextLoader) -> frozenset[str]:
        member_ids = context.info.member_ids
        return frozenset(seen.members if member_ids is None else member_ids)


def named(text: str | None, given: Sequence[str] = ()) -> Named:
    """The people named by a text and the field `mentions`; one query per username that is not cached."""
    names = [_spellings(name) for name in dict.fromkeys(_AT.findall(_without_code(text or "").lower()))]
    everybody = any(EVERYBODY in each for each in names)
    people = names[:MAX_MENTIONS]
    found: Mapping[str, str] = users.ids_by_username(name for each in people for name in each) if people else {}
    written = (tuple(found[name] for name in each if name in found) for each in people)
    return Named(tuple(given), tuple(each for each in written if each), everybody)


def _spellings(name: str) -> tuple[str, ...]:
    """A name, and the name without trailing full stops, or full stops and underscores (emphasis)."""
    spellings = dict.fromkeys((name, name.rstrip("."), name.rstrip("._")))
    return tuple(each for each in spellings if len(each) in USERNAME_CHARS)


def _without_code(text: str) -> str:
    """The text without code spans and fenced code blocks, which mention nobody (CommonMark 4.5, 6.1)."""
    if "`" not in text and "~~~" not in text:
        return text
    kept, fence = [], ""
    for line in _LINE_END.split(text):
        found = _FENCE.match(line)
        if fence:
            fence = "" if found is not None and found[1].startswith(fence) else fence
        elif found is not None:
            fence = found[1]
        else:
            kept.append(line)
    return _without_spans("\n".join(kept))


def _without_spans(text: str) -> str:
    """The text without its code spans: from a row of backticks to the next one of the same length."""
    rows = list(_BACKTICKS.finditer(text))
    later: dict[int, list[int]] = {}
    for number in reversed(range(len(rows))):
        later.setdefault(len(rows[number][0]), []).append(number)
    kept, end, number = [], 0, 0
    while number < len(rows):
        same = later[len(rows[number][0])]
        while same and same[-1] <= number:
            same.pop()
        if same:
            kept.append(text[end : rows[number].start()])
            number = same[-1]
            end = rows[number].end()
        number += 1
    return " ".join([*kept, text[end:]])
