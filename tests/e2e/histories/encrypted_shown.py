"""A message of an encrypted group as people see it, and what changes make of it by docs/encryption.md. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from secureconnect_client.encryption.changes import Change

OPTIONS = ("yes", "no", "later")


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody sends. `multiple` is None if it is no poll; polls have the OPTIONS."""

    text: str
    multiple: bool | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A message on a device: who reacts with which emoji and votes for which options. `text` is None without a key."""

    text: str | None
    edited: bool = False
    reactions: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    votes: frozenset[tuple[str, int]] = field(default_factory=frozenset)
    closed: bool = False


def shown(said: Said, *, sender_id: str, changes: Iterable[tuple[str, Change]]) -> Shown:
    """The message after changes, each with its person, in the order of the log."""
    now = Shown(said.text)
    for by, change in changes:
        now = _after(now, said, sender_id == by, by, change)
    return now


def _after(now: Shown, said: Said, is_own: bool, by: str, change: Change) -> Shown:
    is_poll = said.multiple is not None
    if change.edit is not None:
        return replace(now, text=change.edit, edited=True) if is_own and not is_poll else now
    if change.react is not None:
        reaction = {(change.react, by)}
        return replace(now, reactions=now.reactions - reaction if change.remove else now.reactions | reaction)
    if not is_poll or now.closed:
        return now
    if change.vote is not None:
        if (len(change.vote) > 1 and not said.multiple) or any(each >= len(OPTIONS) for each in change.vote):
            return now
        others = {(who, option) for who, option in now.votes if who != by}
        return replace(now, votes=frozenset(others | {(by, option) for option in change.vote}))
    return replace(now, closed=True) if is_own else now
