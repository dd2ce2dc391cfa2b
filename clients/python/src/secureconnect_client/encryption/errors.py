"""What goes wrong with encryption, told apart by what somebody can do about it."""

from __future__ import annotations

from secureconnect_client.errors import SecureConnectError


class EncryptionError(SecureConnectError):
    """The base of all errors of encryption."""


class NotInGroup(EncryptionError):
    """This device is not in the conversation's group (yet): a device that is must add it."""


class CannotDecrypt(EncryptionError):
    """A message that this device has no key for: from before it came, or damaged on the way."""


class ServerMisbehaved(EncryptionError):
    """The server has shown something that honest servers do not: do not trust it with this conversation."""


class LogTampered(ServerMisbehaved):
    """Commits were dropped, doubled, shuffled or replaced."""


class GhostDevice(ServerMisbehaved):
    """A device is in the group, or was offered, that its person never registered in the key log."""


class KeySwapped(ServerMisbehaved):
    """A key package carries another key than its device has in the key log."""
