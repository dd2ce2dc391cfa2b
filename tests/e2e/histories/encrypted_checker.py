"""Judges the history of an encrypted group: all members at a message's epoch read it, and nobody else does.

The same goes for changes of messages, so all who have read the same log see the same.

Pure. The log is the server's; the members at an epoch are reported by the devices that were at that epoch, which all
have to agree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from secureconnect_client.encryption.changes import Change
from tests.e2e.histories.checker import stays
from tests.e2e.histories.encrypted_shown import Said, Shown, shown
from tests.e2e.histories.evidence import NEVER, Room

Leaf = tuple[str, str, str]  # user id, device id, signature key in hex


@dataclass(slots=True)
class Reader:
    """A device from getting its keys to losing them. `read` and `stolen` are by seq.

    `stolen` is everything of the whole log that it could decrypt at the end with all that it ever stored. `entered` has
    the epochs at which it created the group or joined by a Welcome.
    """

    name: str
    leaf: Leaf
    is_lost: bool = False
    entered: list[int] = field(default_factory=list)
    read: dict[int, Shown] = field(default_factory=dict)
    stolen: dict[int, str] = field(default_factory=dict)

    def reads(self, seq: int) -> bool:
        """Whether it has decrypted the message at this seq."""
        shown = self.read.get(seq)
        return shown is not None and shown.text is not None


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted message or change in the log; a change has no `message_id`."""

    seq: int
    epoch: int
    sender_id: str
    client_id: str
    message_id: str = ""


@dataclass(slots=True)
class EncryptedEvidence:
    """The evidence. `said` and `changed` have, by client_id, what was to be sent, `commits` the log's epochs.

    `acknowledged` has the seqs of messages that devices were told; for changes they are told none.
    """

    room: Room
    said: dict[str, Said] = field(default_factory=dict)
    changed: dict[str, Change] = field(default_factory=dict)
    acknowledged: dict[str, int | None] = field(default_factory=dict)
    messages: list[Sealed] = field(default_factory=list)
    changes: list[Sealed] = field(default_factory=list)
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
        *(each for sealed in (*evidence.messages, *evidence.changes) for each in _secrecy(evidence, sealed)),
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
    for each in (*evidence.messages, *evidence.changes):
        logged[each.client_id].append(each.seq)
    for client_id, seqs in logged.items():
        if client_id not in {*evidence.said, *evidence.changed} or len(seqs) > 1:
            yield f"{client_id} is in the log at {seqs}"
    for client_id, seq in evidence.acknowledged.items():
        found = logged.get(client_id)
        if not found or (seq is not None and found != [seq]):
            yield f"{client_id} was acknowledged as {seq}, the log has it at {found}"


def _secrecy(evidence: EncryptedEvidence, sealed: Sealed) -> Iterator[str]:
    """Whether nobody can read a message or a change who was no member."""
    inside, about = _inside(evidence, sealed), _about(sealed)
    for user_id in sorted({user_id for user_id, _, _ in inside}):
        if not any(sealed.seq in span for span in stays(evidence.room, user_id)):
            yield f"{about} is said to a group that {user_id} is in, who was no member of the conversation then"
    for reader in evidence.readers:
        if reader.leaf not in inside and (reader.reads(sealed.seq) or sealed.seq in reader.stolen):
            yield f"{about} is read by {reader.name}, who was no member then"


def _reading(evidence: EncryptedEvidence, message: Sealed) -> Iterator[str]:
    said = evidence.said.get(message.client_id)
    changes = [each for each in evidence.changes if _target(evidence, each) == message.message_id]
    for reader in evidence.readers:
        if not reader.reads(message.seq):
            if _has_to_read(evidence, reader, message):
                yield f"{_about(message)} is not read by {reader.name}, who was a member then"
        elif said is not None and (wrong := _misread(evidence, reader, message, said, changes)):
            yield f"{_about(message)} reads {wrong}"


def _misread(
    evidence: EncryptedEvidence, reader: Reader, message: Sealed, said: Said, changes: list[Sealed]
) -> str | None:
    """What is wrong with a message on a device; None if all is right, or the device need not have read all changes."""
    got = reader.read[message.seq]
    readable = [each for each in changes if reader.leaf in _inside(evidence, each)]
    made = [(each.sender_id, evidence.changed[each.client_id]) for each in readable]
    if all(_has_to_read(evidence, reader, each) for each in readable):
        expected = shown(said, sender_id=message.sender_id, changes=made)
        return None if got == expected else f"{got} to {reader.name}, not {expected}"
    edits = {change.edit for by, change in made if by == message.sender_id}
    reactions = {(change.react, by) for by, change in made if change.react}
    votes = {(by, option) for by, change in made for option in change.vote or ()}
    possible = got.text in {said.text, *edits} and got.reactions <= reactions and got.votes <= votes
    return None if possible else f"{got} to {reader.name}, which nobody made"


def _target(evidence: EncryptedEvidence, sealed: Sealed) -> str | None:
    """The id of the message that a change is about; None for a change that nobody wanted."""
    found = evidence.changed.get(sealed.client_id)
    return None if found is None else found.of


def _inside(evidence: EncryptedEvidence, sealed: Sealed) -> frozenset[Leaf]:
    return next(iter(evidence.views.get(sealed.epoch, {}).values()), frozenset())


def _about(sealed: Sealed) -> str:
    return f"{sealed.client_id} at {sealed.seq}, epoch {sealed.epoch}"


def _has_to_read(evidence: EncryptedEvidence, reader: Reader, sealed: Sealed) -> bool:
    """Whether a device must have read it: it joined, kept its keys, and its person sees the log to the end."""
    here = any(sealed.seq in span and span.last == NEVER for span in stays(evidence.room, reader.leaf[0]))
    return here and not reader.is_lost and any(_stayed(evidence, reader.leaf, n, sealed.epoch) for n in reader.entered)


def _stayed(evidence: EncryptedEvidence, leaf: Leaf, first: int, last: int) -> bool:
    between = (evidence.views[epoch] for epoch in range(first, last + 1))
    return first <= last and all(leaf in inside for views in between for inside in views.values())
