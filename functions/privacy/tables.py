"""What is a person's in each table: the rule of erasure, one per table of the deployment.

A table without a rule fails a test, so that no new one is forgotten. What a rule keeps holds the person's id at
most, which names nobody any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from privacy.store import Row, holds, text

# Tables whose rows others own, or that hold ids, hashes and ciphertexts alone; each with the reason.
KEPT = {
    "audit": "ids, codes and addresses for their 400 days: the chain of the security log must stay whole",
    "keyrings": "the keys of the deployment are nobody's",
    "idempotency": "answers under keys that only the caller could repeat, for a day",
    "conversations": "what a group is called belongs to the group; people are ids in it",
    "members": "ids and markers; groups are left by the step before",
    "events": "messages are tombstones by the step before; other events hold ids",
    "calls": "who took part, by id: the history of the others",
    "follow_ups": "ids, for minutes",
    "message_parts": "replies of threads by seq; earlier texts went with their messages",
    "reactions": "taken back by the step before, so that counts are right",
    "users": "the last step leaves the name that others see",
    "meanings": "vectors of messages follow their tombstones by the stream",
    "search": "words of messages follow their tombstones by the stream",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """Which rows of a table go, and by which attributes a row is named."""

    keys: tuple[str, ...]
    goes: Callable[[Row, str], bool]


def _mentions(row: Row, user_id: str) -> bool:
    return holds(row, user_id)


def _is(*names: str) -> Callable[[Row, str], bool]:
    return lambda row, user_id: any(text(row, name) == user_id for name in names)


def _begins(name: str, *prefixes: str) -> Callable[[Row, str], bool]:
    return lambda row, user_id: any(text(row, name).startswith(f"{prefix}{user_id}") for prefix in prefixes)


def _of_drive(row: Row, user_id: str) -> bool:
    """Nodes and what stands below an id of the person; not what others own that they once touched."""
    own = _is("owner_id", "grantee", "place")(row, user_id) or user_id in text(row, "node_id")
    return own or user_id in text(row, "place") or (user_id in text(row, "part") and not text(row, "object_key"))


def _of_keys(row: Row, user_id: str) -> bool:
    """Devices, packages, welcomes and the backup; the transparency log is append-only and holds ids and hashes."""
    return user_id in text(row, "owner") and not text(row, "owner").startswith(("log", "tree", "head"))


RULES: dict[str, Rule] = {
    "directory": Rule(("bucket", "entry"), _mentions),
    "relations": Rule(("user_id", "other"), _mentions),
    "credentials": Rule(("key",), _mentions),
    "passkeys": Rule(("user_id", "passkey_id"), _is("user_id")),
    "sessions": Rule(("user_id", "session_id"), _is("user_id")),
    "one_time_tokens": Rule(("token_hash",), _is("user_id")),
    "limits": Rule(("key",), _mentions),
    "invitations": Rule(("scope", "entry"), _mentions),
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
    "call_signals": Rule(("inbox", "n"), _mentions),
    "keys": Rule(("owner", "part"), _of_keys),
    "assistant": Rule(("owner", "entry"), _is("owner")),
    "exports": Rule(("user_id", "export_id"), _is("user_id")),
    "devices": Rule(("owner", "part"), _mentions),
    "notifications": Rule(("owner", "part"), _mentions),
}
