"""Types and rules of devices, key packages, Welcomes and the key log. Standard library and kernel only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from kernel import clock
from kernel.errors import Conflict, FieldError, ValidationFailed

Action = Literal["added", "changed", "removed"]

MLS_COMMIT = "mls.commit"
MLS_PROPOSAL = "mls.proposal"
MLS_CHANGE = "mls.change"
MLS_WELCOME = "mls.welcome"
KEYS_LOW = "keys.low"
PUBLISH_KEYS_CHANGED = "tell-keys-changed"  # a kind of follow-up work
MAX_DEVICES = 50  # of one person
MAX_PACKAGES = 200  # available ones of one device
LOW = 5  # below this number of packages the device gets a hint to upload more
KEY_BYTES = 32  # of an Ed25519 public key
MAX_MESSAGE_BYTES = 4 * 1024 * 1024  # of a commit, a GroupInfo, a Welcome
INLINE_BYTES = 16 * 1024  # longer messages are stored as blobs and left out of events
MAX_PROPOSAL_BYTES = INLINE_BYTES
MAX_CHANGE_BYTES = 48 * 1024  # as an encrypted message, whose ciphertext has 64 KB in base 64
MAX_BACKUP_BYTES = 1024 * 1024


class InvalidKeyPackage(ValidationFailed):
    """An invalid key package, named by `field` (`packages.N` or `last_resort`)."""

    code = "invalid_key_package"

    @classmethod
    def at(cls, field: str, reason: str) -> InvalidKeyPackage:
        return cls(f"{field}: {reason}.", errors=(FieldError(field, reason),))


class InvalidCommit(ValidationFailed):
    code, detail = "invalid_commit", "This is not a commit of this conversation's group at this epoch."


class InvalidProposal(ValidationFailed):
    code, detail = "invalid_proposal", "This is not a proposal of this conversation's group."


class InvalidCiphertext(ValidationFailed):
    code, detail = "invalid_ciphertext", "This is not a PrivateMessage of this conversation's group."


class EpochConflict(Conflict):
    """Another commit was first; the problem has the group's present `epoch`."""

    code, detail = "epoch_conflict", "The group is at another epoch: read its log and try again."


class EpochOld(Conflict):
    """The message was encrypted in an old epoch; the problem has the group's present `epoch`."""

    code, detail = "epoch_old", "The group is at another epoch: read its log, encrypt again and send that."


class RekeyRequired(Conflict):
    code, detail = "rekey_required", "Somebody is gone: a commit must give the group new keys before anything is sent."


class NotEncrypted(Conflict):
    code, detail = "not_encrypted", "This conversation is not encrypted."


@dataclass(frozen=True, slots=True)
class Device:
    """A device of a person, its signature key and credential, and the session that it was registered from.

    `generation` changes with the key, and invalidates the packages that were uploaded before.
    """

    user_id: str
    device_id: str
    name: str
    signature_key: bytes
    credential: bytes
    added_at: int
    session_id: str
    generation: str

    def has_keys_of(self, signature_key: bytes, credential: bytes) -> bool:
        return (self.signature_key, self.credential) == (signature_key, credential)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry of the key log. `n` counts from 1; `key_hash` is the SHA-256 of the signature key in hex."""

    n: int
    user_id: str
    device_id: str
    action: Action
    key_hash: str
    at: int

    def view(self) -> dict[str, Any]:
        """The published form of the entry, which is also the input of its leaf hash."""
        return {
            "n": self.n,
            "user_id": self.user_id,
            "device_id": self.device_id,
            "action": self.action,
            "key_hash": self.key_hash,
            "at": clock.rfc3339(self.at),
        }


@dataclass(frozen=True, slots=True)
class Welcome:
    """A pending Welcome of a device, in `content` or, if it is large, in `blob`."""

    id: str
    user_id: str
    device_id: str
    conversation_id: str
    epoch: int
    content: bytes | None
    blob: str | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed key package. `left` is the number of remaining one-time packages, counted up to 10."""

    user_id: str
    device_id: str
    package: bytes
    last_resort: bool
    left: int


def identity_of(user_id: str, device_id: str) -> bytes:
    """The identity in the credential of a device."""
    return f"{user_id}/{device_id}".encode()
