"""The groups of this device, loaded once, and its place in each conversation's log."""

from __future__ import annotations

from secureconnect_client.encryption.engine import Engine, Group
from secureconnect_client.encryption.shelf import Shelf


class Groups:
    """Groups by conversation; the shelf has how far their logs were read."""

    def __init__(self, engine: Engine, shelf: Shelf) -> None:
        self._engine = engine
        self._shelf = shelf
        self._loaded: dict[str, Group] = {}

    def get(self, conversation_id: str) -> Group:
        """The group, with this device's pending commit if there is one. Raises NotInGroup."""
        self._shelf.place(conversation_id)
        if conversation_id not in self._loaded:
            with_commit = self._shelf.pending(conversation_id) is not None
            self._loaded[conversation_id] = self._engine.load(conversation_id, with_pending=with_commit)
        return self._loaded[conversation_id]

    def enter(self, conversation_id: str, group: Group, *, epoch: int, seq: int) -> None:
        """Take up a group that this device has created or joined."""
        self._loaded[conversation_id] = group
        self.keep(conversation_id, group, epoch=epoch, seq=seq)

    def keep(self, conversation_id: str, group: Group, *, epoch: int, seq: int) -> None:
        """Store the group's state after the log up to `seq`."""
        group.save()
        self._shelf.set_place(conversation_id, epoch=epoch, seq=seq)

    def reload(self, conversation_id: str) -> None:
        """Go back to the stored state."""
        self._loaded.pop(conversation_id, None)

    def forget(self, conversation_id: str) -> None:
        """Forget a conversation's group, but not its messages."""
        self.reload(conversation_id)
        self._shelf.forget(conversation_id)
