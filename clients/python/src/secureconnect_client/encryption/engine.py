"""The port of an MLS library: what the rest needs of one, so that another can take its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from secureconnect_client.encryption.tls import Leaf


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that is not in force yet, with the Welcome for those whom it adds."""

    message: bytes
    welcome: bytes | None


@dataclass(frozen=True, slots=True)
class Received:
    """What a message was: the text of somebody, or a commit, by which this device may have been removed."""

    sender: Leaf | None
    data: bytes | None
    removed: bool = False


class Group(Protocol):
    """A group as one device sees it. Raises CannotDecrypt for what does not fit its state."""

    def leaves(self) -> list[Leaf]: ...

    def add(self, packages: Sequence[bytes]) -> Commit: ...

    def remove(self, leaves: Sequence[Leaf]) -> Commit: ...

    def update(self) -> Commit: ...

    def encrypt(self, data: bytes) -> bytes: ...

    def receive(self, message: bytes) -> Received:
        """Read a message; a commit, also one's own, is in force from then on."""

    def save(self) -> None:
        """Keep the state: what is not saved is as if it had not happened."""

    def save_pending(self) -> None:
        """Keep the state with the commit that was made last, beside the one without it."""


class Engine(Protocol):
    """One device: its identity, its key packages and its groups."""

    @property
    def signature_key(self) -> bytes: ...

    def key_package(self) -> bytes: ...

    def create(self, group_id: str) -> Group: ...

    def join(self, welcome: bytes) -> Group: ...

    def load(self, group_id: str, *, with_pending: bool = False) -> Group:
        """A group as it was saved, or as it was with its last commit. Raises NotInGroup."""
