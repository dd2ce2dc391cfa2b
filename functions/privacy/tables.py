"""What each table holds on a person: which rows are deleted with them, and which kinds of an export show them.

A table that is in neither `RULES` nor `KEPT`, or in neither `EXPORTED` nor `NOT_EXPORTED`, fails a test, so that no new
one is forgotten. Rows that are kept hold at most the person's id, which leads to no name any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from privacy.store import Row, mentions, text

# Tables without a rule, and why none of their rows is deleted by the step `tables`.
KEPT = {
    "audit": "ids, codes and IP addresses for 400 days: the chain of the security log must stay whole",
    "keyrings": "the deployment's keys belong to nobody",
    "idempotency": "responses under keys that only the caller can repeat, for a day",
    "conversations": "a group's name belongs to the group; people are ids in it",
    "members": "ids and markers; the step `conversations` has left the groups",
    "events": "the step `messages` has made tombstones of messages and removed the ciphertexts of their encrypted "
    "changes (`mls.change`), which no export has, as their keys are used up; other events hold ids",
    "calls": "participants by id: the other participants' history",
    "follow_ups": "ids, for minutes",
    "message_parts": "replies of threads by seq; earlier texts were deleted with their messages",
    "reactions": "the step `reactions` has removed them and corrected the counts",
    "users": "the step `profile` erases the name that others see",
    "meanings": "vectors of messages are deleted by the stream when a message becomes a tombstone",
    "search": "words of messages are deleted by the stream when a message becomes a tombstone",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A table's key attributes, and which of its rows belong to a person."""

    keys: tuple[str, ...]
    covers: Callable[[Row, str], bool]


def _is(*names: str) -> Callable[[Row, str], bool]:
    return lambda row, user_id: any(text(row, name) == user_id for name in names)


def _begins(name: str, *prefixes: str) -> Callable[[Row, str], bool]:
    return lambda row, user_id: any(text(row, name).startswith(f"{prefix}{user_id}") for prefix in prefixes)


def _of_drive(row: Row, user_id: str) -> bool:
    """The person's nodes, grants, uploads and listings; not the versions they uploaded of other people's files."""
    own = _is("owner_id", "grantee")(row, user_id) or user_id in text(row, "node_id") or user_id in text(row, "place")
    return own or (user_id in text(row, "part") and not text(row, "object_key"))


def _of_keys(row: Row, user_id: str) -> bool:
    """Devices, key packages, welcomes and the backup; the transparency log is append-only: ids and hashes stay."""
    return user_id in text(row, "owner") and not text(row, "owner").startswith(("log", "tree", "head"))


RULES: dict[str, Rule] = {
    "directory": Rule(("bucket", "entry"), mentions),
    "relations": Rule(("user_id", "other"), mentions),
    "credentials": Rule(("key",), mentions),
    "passkeys": Rule(("user_id", "passkey_id"), _is("user_id")),
    "sessions": Rule(("user_id", "session_id"), _is("user_id")),
    "one_time_tokens": Rule(("token_hash",), _is("user_id")),
    "limits": Rule(("key",), mentions),
    "invitations": Rule(("scope", "entry"), mentions),
    "reports": Rule(("conversation_id", "entry"), _is("reporter_id", "sender_id")),
    "scheduled": Rule(("user_id", "entry"), _is("user_id")),
    "sends": Rule(("key",), _begins("key", "")),
    "polls": Rule(("poll_id", "part"), _is("creator_id")),
    "drafts": Rule(("user_id", "conversation_id"), _is("user_id")),
    "connections": Rule(("user_id",), _is("user_id")),
    "presence": Rule(("user_id",), _is("user_id")),
    "watches": Rule(("watched", "connection_id"), _is("user_id", "watched")),
    "tickets": Rule(("ticket_hash",), _is("user_id")),
    "drive": Rule(("node_id", "part"), _of_drive),
    "call_index": Rule(("owner", "entry"), _is("owner")),
    "call_signals": Rule(("inbox", "n"), mentions),
    "keys": Rule(("owner", "part"), _of_keys),
    "assistant": Rule(("owner", "entry"), _is("owner")),
    "exports": Rule(("user_id", "export_id"), _is("user_id")),
    "devices": Rule(("owner", "part"), mentions),
    "notifications": Rule(("owner", "part"), mentions),
}

# The kinds of an export in which a person finds what each table holds on them.
EXPORTED: dict[str, tuple[str, ...]] = {
    "users": ("profile",),
    "relations": ("contacts", "blocks"),
    "sessions": ("sessions",),
    "passkeys": ("passkeys",),
    "audit": ("security_log",),
    "exports": ("exports",),
    "conversations": ("conversations",),
    "members": ("conversations",),
    "events": ("messages",),
    "sends": ("messages",),
    "message_parts": ("earlier_texts",),
    "reactions": ("reactions",),
    "drafts": ("drafts",),
    "scheduled": ("scheduled",),
    "polls": ("polls", "votes", "poll_options"),
    "calls": ("calls",),
    "call_index": ("calls",),
    "presence": ("presence",),
    "notifications": ("notifications", "notification_preferences"),
    "devices": ("push_devices", "notification_preferences"),
    "keys": ("encryption_devices", "key_log", "key_backup"),
    "assistant": ("ai_settings",),
    "invitations": ("invitations", "join_requests"),
    "reports": ("reports",),
    "drive": ("files", "folders", "shares", "links", "favourites"),
}
NOT_EXPORTED = {
    "directory": "the names of the profile once more, for its search",
    "credentials": "the e-mail address of the profile, and what signs in",
    "one_time_tokens": "sign in",
    "tickets": "open sockets, for a minute",
    "limits": "counts of requests, for a day",
    "connections": "open sockets",
    "watches": "whose status open sockets show",
    "call_signals": "how devices connect, for minutes",
    "keyrings": "the deployment's keys belong to nobody",
    "idempotency": "responses that their caller can repeat, for a day",
    "follow_ups": "ids, for minutes",
    "meanings": "vectors of the messages",
    "search": "words of the messages once more",
}
