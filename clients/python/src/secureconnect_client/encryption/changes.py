"""Encrypted changes of earlier messages: edits, reactions, votes in polls, closing a poll."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from secureconnect_client.encryption.content import CHANGES_PADDED_TO, fields_in, meant_of, padded


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the message `of`; it has exactly one of the other fields (`remove` goes with `react`).

    `hash` is that of the message's ciphertext (see `Meant`), which `Encryption.change` fills in. `edit` is
    the new text, `react` an emoji, `vote` the chosen options (counted from 0) in place of earlier ones; none
    withdraws a vote. `close` ends a poll.
    """

    of: str
    edit: str | None = None
    react: str | None = None
    remove: bool = False
    vote: tuple[int, ...] | None = None
    close: bool = False
    hash: str | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What changes have made of a message: who reacted with which emoji, and each person's last vote."""

    edited_at: str | None = None
    reactions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    votes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    closed: bool = False


def packed_change(change: Change) -> bytes:
    """The application data of a change."""
    fields: dict[str, Any] = {"of": change.of} | ({"hash": change.hash} if change.hash else {})
    if change.edit is not None:
        fields["edit"] = change.edit
    elif change.react is not None:
        fields |= {"react": change.react} | ({"remove": True} if change.remove else {})
    elif change.vote is not None:
        fields["vote"] = list(change.vote)
    else:
        fields["close"] = True
    return padded({"change": fields}, CHANGES_PADDED_TO)


def unpacked_change(data: bytes) -> Change | None:
    """The change in application data; None if it is none. Unknown fields are ignored."""
    fields = fields_in(data).get("change")
    meant = meant_of(fields)
    if meant is None or not isinstance(fields, dict):
        return None
    change, vote = Change(meant.of, hash=meant.hash), fields.get("vote")
    if isinstance(fields.get("edit"), str):
        return replace(change, edit=fields["edit"])
    if isinstance(fields.get("react"), str):
        return replace(change, react=fields["react"], remove=fields.get("remove") is True)
    if isinstance(vote, list) and all(type(each) is int for each in vote):
        return replace(change, vote=tuple(vote))
    return replace(change, close=True) if fields.get("close") is True else None


def changes_of(given: Any) -> Changes:
    """The state of changes that a device or a backup holds."""
    if not isinstance(given, dict):
        return Changes()
    reactions = {each["emoji"]: tuple(each["by"]) for each in given.get("reactions") or ()}
    votes = {user_id: tuple(vote) for user_id, vote in (given.get("votes") or {}).items()}
    return Changes(given.get("edited_at"), reactions, votes, given.get("closed") is True)


def kept_changes(changes: Changes) -> dict[str, Any] | None:
    """The state of changes in the form of both clients' backups; None for none."""
    fields = {
        "edited_at": changes.edited_at,
        "reactions": [{"emoji": emoji, "by": [*by]} for emoji, by in changes.reactions.items()],
        "votes": {user_id: [*vote] for user_id, vote in changes.votes.items()},
        "closed": changes.closed,
    }
    return {name: value for name, value in fields.items() if value} or None
