"""Errors of encryption, one class for each possible reaction."""

from __future__ import annotations

from secureconnect_client.errors import SecureConnectError


class EncryptionError(SecureConnectError):
    """The base of all errors of encryption."""


class NotInGroup(EncryptionError):
    """This device is not in the conversation's group; a device in the group must add it."""


class CannotDecrypt(EncryptionError):
    """This device has no key for a message: it is older than its membership, or damaged."""


class ServerMisbehaved(EncryptionError):
    """The server did what an honest server never does: do not trust it with this conversation."""


class LogTampered(ServerMisbehaved):
    """The log was changed: commits are missing, repeated, reordered or replaced."""


class GhostDevice(ServerMisbehaved):
    """A device is in the group, or was offered for it, that its person never registered in the key log."""


class KeySwapped(ServerMisbehaved):
    """A key package has another key than its device has in the key log."""
