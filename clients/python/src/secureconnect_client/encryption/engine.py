"""The interface to an MLS library, so that another library can replace it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from secureconnect_client.encryption.tls import Leaf


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that is not applied yet, with the Welcome for the devices that it adds."""

    message: bytes
    welcome: bytes | None


@dataclass(frozen=True, slots=True)
class Received:
    """A decrypted message: application data, or a commit, which may have removed this device."""

    sender: Leaf | None
    data: bytes | None
    removed: bool = False


class Group(Protocol):
    """A group as one device sees it. Raises CannotDecrypt for messages that do not fit its state."""

    def leaves(self) -> list[Leaf]: ...

    def add(self, packages: Sequence[bytes]) -> Commit: ...

    def remove(self, leaves: Sequence[Leaf]) -> Commit: ...

    def update(self) -> Commit: ...

    def encrypt(self, data: bytes) -> bytes: ...

    def receive(self, message: bytes) -> Received:
        """Process a message; a commit, also one's own, is applied."""

    def export_secret(self, label: str, length: int) -> bytes:
        """MLS-Exporter with an empty context (RFC 9420, section 8.5): the same for all in this epoch."""

    def save(self) -> None:
        """Store the state; unsaved changes are lost."""

    def save_pending(self) -> None:
        """Store the state with the last commit pending, beside the state without it."""


class Engine(Protocol):
    """One device: its identity, its key packages and its groups."""

    @property
    def signature_key(self) -> bytes: ...

    def key_package(self) -> bytes: ...

    def create(self, group_id: str) -> Group: ...

    def join(self, welcome: bytes) -> Group: ...

    def load(self, group_id: str, *, with_pending: bool = False) -> Group:
        """The stored state of a group, or the one with the pending commit. Raises NotInGroup."""
