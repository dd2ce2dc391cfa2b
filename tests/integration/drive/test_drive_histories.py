"""Whatever people do with files in whatever order: what is charged is what is there, to the byte and by type (R31)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from drive import item_store, media_types, store
from drive.files import folders
from drive.files import service as files
from drive.item_store import Item
from drive.trash import service as trash
from drive.trash import sweep
from drive.uploads import transfers
from kernel import clock
from kernel.errors import Problem
from messages import service as messages
from tests.integration import desk, rooms
from tests.integration.rooms import people, say

STEPS = 60
TYPES = (desk.TEXT, desk.BYTES, "image/png")  # bytes that are no picture are rejected


class _World:
    """One person with a drive and a group, and a driver that does something at random."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.ada, self.bob = people("ada", "bob")
        self.group = rooms.group(self.ada, self.bob)
        self.files: list[str] = []
        self.folders: list[str] = []
        self.begun: list[tuple[dict[str, Any], bytes]] = []
        self.sent: list[tuple[str, str]] = []
        self.messages: list[str] = []

    def steps(self) -> list[Callable[[], object]]:
        return [
            self.begin, self.begin, self.replace, self.send, self.send, self.arrive, self.arrive, self.complete,
            self.abort, self.make_folder, self.move, self.remove, self.remove, self.restore, self.restore_version,
            self.remove_folder, self.restore_folder, self.attach, self.delete_message, sweep.sweep,
        ]  # fmt: skip

    def do(self) -> None:
        with suppress(Problem, IndexError):  # not possible now
            self.rng.choice(self.steps())()

    def _any(self, some: list[Any]) -> Any:
        return self.rng.choice(some)

    def begin(self) -> None:
        place: dict[str, Any] = {}
        if self.folders and self.rng.random() < 0.4:
            place = {"folder_id": self._any(self.folders)}
        elif self.rng.random() < 0.3:
            place = {"conversation_id": self.group}
        self._begin(place)

    def replace(self) -> None:
        self._begin({"replaces": self._any(self.files)})

    def _begin(self, fields: dict[str, Any]) -> None:
        content = self.rng.randbytes(self.rng.randint(0, 40))
        begun = desk.begin(self.ada, content, content_type=self._any(list(TYPES)), **fields)
        self.begun.append((begun, content))
        self.files.append(begun["file"]["id"])

    def send(self) -> None:
        self.sent.append(desk.send(*self._any(self.begun)))

    def arrive(self) -> None:
        desk.arrive(*self._any(self.sent))

    def complete(self) -> None:
        transfers.complete(caller=self.ada, file_id=self._any(self.files), sent_parts=[])

    def abort(self) -> None:
        transfers.abort(caller=self.ada, file_id=self._any(self.files))

    def make_folder(self) -> None:
        parent = self._any([None, *self.folders])
        made = folders.create(caller=self.ada, name=f"f{self.rng.random()}", parent_id=parent)
        self.folders.append(made["id"])

    def move(self) -> None:
        target = self._any([None, *self.folders])
        if self.rng.random() < 0.5:
            files.change(caller=self.ada, file_id=self._any(self.files), fields={"folder_id": target})
        else:
            folders.change(caller=self.ada, folder_id=self._any(self.folders), fields={"parent_id": target})

    def remove(self) -> None:
        permanent = self.rng.random() < 0.4
        trash.remove(caller=self.ada, node_id=self._any(self.files), permanent=permanent, file=True)

    def restore(self) -> None:
        trash.restore(caller=self.ada, node_id=self._any(self.files), file=True)

    def remove_folder(self) -> None:
        permanent = self.rng.random() < 0.4
        trash.remove(caller=self.ada, node_id=self._any(self.folders), permanent=permanent, file=False)

    def restore_folder(self) -> None:
        trash.restore(caller=self.ada, node_id=self._any(self.folders), file=False)

    def restore_version(self) -> None:
        files.restore_version(caller=self.ada, file_id=self._any(self.files), number=self.rng.randint(1, 3))

    def attach(self) -> None:
        client_id = str(self.rng.random())
        message, _ = say(self.ada, self.group, None, client_id=client_id, attachment_ids=[self._any(self.files)])
        self.messages.append(message["id"])

    def delete_message(self) -> None:
        messages.delete(caller=self.ada, conversation_id=self.group, message_id=self._any(self.messages))


def _there() -> tuple[int, Counter[str]]:
    """The charged bytes, and the ready ones by type, counted over all items."""
    taken, used = 0, Counter[str]()
    for item in Item.scan():
        if item.part == item_store.UPLOAD:
            taken += int(item.size)
        elif item.part.startswith("version#"):
            taken += int(item.size)
            used[media_types.category(item.content_type)] += int(item.size)
    return taken, +used


def _lost() -> list[str]:
    """Nodes that are in no folder, trash or conversation and have no cleanup task."""
    rows = [item_store.nodes.value(item) for item in Item.scan() if item.part == item_store.NODE]
    known = {node.id: node for node in rows}
    lost = []
    for node in rows:
        above = known.get(node.folder_id) if node.folder_id is not None else None
        if node.state == "trashed" and node.trashed_with is not None:
            seen = above is not None and above.state == "trashed"
        else:
            seen = node.state == "trashed" or node.folder_id is None or above is not None
        if not seen:
            lost.append(node.id)
    return lost


@pytest.mark.parametrize("seed", range(4))
def test_what_is_charged_is_what_is_there_whatever_is_done(seed: int) -> None:
    with clock.held(clock.now()) as advance:
        world = _World(seed)
        for _ in range(STEPS):
            world.do()
            advance(1000)
            found = desk.usage(world.ada)
            assert (found.taken, Counter({k: v for k, v in found.by_type.items() if v})) == _there()
            assert found.used == sum(found.by_type.values())
            assert _lost() == []
        for node_id in [*world.files, *world.folders]:
            try:
                trash.remove(caller=world.ada, node_id=node_id, permanent=True, file=node_id.startswith("fil_"))
            except Problem:
                continue
        for _ in range(2):
            advance(clock.HOUR)
            sweep.sweep()
        assert (desk.usage(world.ada).taken, store.nodes(world.files), sweep.sweep()) == (0, {}, 0)
