"""Judges the history of an encrypted group: all members at a message's epoch read it, and nobody else does.

Pure. The log is the server's; the members at an epoch are reported by the devices that were at that epoch, which all
have to agree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.e2e.histories.checker import stays
from tests.e2e.histories.evidence import NEVER, Room

Leaf = tuple[str, str, str]  # user id, device id, signature key in hex


@dataclass(slots=True)
class Reader:
    """A device from getting its keys to losing them. `read` and `stolen` have texts by seq.

    `stolen` is everything of the whole log that it could decrypt at the end with all that it ever stored. `entered` has
    the epochs at which it created the group or joined by a Welcome.
    """

    name: str
    leaf: Leaf
    is_lost: bool = False
    entered: list[int] = field(default_factory=list)
    read: dict[int, str | None] = field(default_factory=dict)
    stolen: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted message in the log."""

    seq: int
    epoch: int
    sender_id: str
    client_id: str


@dataclass(slots=True)
class EncryptedEvidence:
    """The evidence. `said` has texts by client_id, `acknowledged` seqs in the log, `commits` the log's epochs."""

    room: Room
    said: dict[str, str] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    messages: list[Sealed] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
    views: dict[int, dict[str, frozenset[Leaf]]] = field(default_factory=lambda: defaultdict(dict))
    troubles: list[str] = field(default_factory=list)


def violations(evidence: EncryptedEvidence) -> list[str]:
    """All violations, in words."""
    return [
        *evidence.troubles,
        *_epochs(evidence),
        *_views(evidence),
        *_sends(evidence),
        *(each for message in evidence.messages for each in _reading(evidence, message)),
    ]


def _epochs(evidence: EncryptedEvidence) -> Iterator[str]:
    if evidence.commits != list(range(len(evidence.commits))):
        yield f"the log's commits are of the epochs {evidence.commits}"


def _views(evidence: EncryptedEvidence) -> Iterator[str]:
    for epoch in range(len(evidence.commits) + 1):
        views = evidence.views.get(epoch, {})
        if not views:
            yield f"nobody saw epoch {epoch}"
        elif len(set(views.values())) > 1:
            yield f"the group is forked at epoch {epoch}: {dict(views)}"


def _sends(evidence: EncryptedEvidence) -> Iterator[str]:
    logged: dict[str, list[int]] = defaultdict(list)
    for each in evidence.messages:
        logged[each.client_id].append(each.seq)
    for client_id, seqs in logged.items():
        if client_id not in evidence.said or len(seqs) > 1:
            yield f"{client_id} is in the log at {seqs}"
    for client_id, seq in evidence.acknowledged.items():
        if logged.get(client_id) != [seq]:
            yield f"{client_id} was acknowledged as {seq}, the log has it at {logged.get(client_id)}"


def _reading(evidence: EncryptedEvidence, message: Sealed) -> Iterator[str]:
    text = evidence.said.get(message.client_id)
    inside = next(iter(evidence.views.get(message.epoch, {}).values()), frozenset())
    about = f"{message.client_id} at {message.seq}, epoch {message.epoch}"
    for user_id in sorted({user_id for user_id, _, _ in inside}):
        if not any(message.seq in span for span in stays(evidence.room, user_id)):
            yield f"{about} is said to a group that {user_id} is in, who was no member of the conversation then"
    for reader in evidence.readers:
        got = reader.read.get(message.seq)
        if got is not None and got != text:
            yield f"{about} reads {got!r} to {reader.name}"
        if reader.leaf not in inside:
            if got is not None or message.seq in reader.stolen:
                yield f"{about} is read by {reader.name}, who was no member then"
        elif got is None and _has_to_read(evidence, reader, message):
            yield f"{about} is not read by {reader.name}, who was a member then"


def _has_to_read(evidence: EncryptedEvidence, reader: Reader, message: Sealed) -> bool:
    """Whether a device must have read a message: it joined, kept its keys, and its person sees the log to the end."""
    here = any(message.seq in span and span.last == NEVER for span in stays(evidence.room, reader.leaf[0]))
    return here and not reader.is_lost and any(_stayed(evidence, reader.leaf, n, message.epoch) for n in reader.entered)


def _stayed(evidence: EncryptedEvidence, leaf: Leaf, first: int, last: int) -> bool:
    between = (evidence.views[epoch] for epoch in range(first, last + 1))
    return first <= last and all(leaf in inside for views in between for inside in views.values())
