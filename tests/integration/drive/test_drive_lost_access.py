"""Uploads of people who lose the right to them while they are under way (R52)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drive import store
from drive.files import folders
from drive.files import service as files
from drive.trash import service as trash
from drive.trash import sweep
from drive.uploads import lost_access, transfers
from drive.uploads import service as uploads
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound
from log import api as log
from tests.integration import desk, rooms
from tests.integration.drive.shares import share, unshare
from users import relations


def test_an_upload_under_way_and_its_repeats_end_with_the_share(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    top = folders.create(caller=ada, name="top", parent_id=None)["id"]
    share_id = share(ada, top, user_id=bob.user_id, role="editor")
    wanted, other = desk.wanted(folder_id=top), desk.wanted(folder_id=top)
    begun, _ = uploads.begin(caller=bob, wanted=wanted)
    file_id = begun["file"]["id"]
    sent = desk.send(begun, b"hello")
    there, _ = uploads.begin(caller=bob, wanted=other)
    assert desk.arrive(*desk.send(there, b"hello")) == "ready"
    transfers.complete(caller=bob, file_id=file_id, sent_parts=[])
    share(ada, top, user_id=bob.user_id, role="viewer")
    with pytest.raises(Forbidden):
        transfers.complete(caller=bob, file_id=file_id, sent_parts=[])
    unshare(ada, top, share_id)
    with pytest.raises(NotFound):
        transfers.complete(caller=bob, file_id=file_id, sent_parts=[])
    assert desk.state(ada, file_id) == ("processing", None)
    assert desk.arrive(*sent) == "rejected"
    files.change(caller=ada, file_id=there["file"]["id"], fields={"name": "for nobody but me"})
    for each in (wanted, other):
        with pytest.raises(NotFound):
            uploads.begin(caller=bob, wanted=each)


def test_who_uploads_elsewhere_may_give_up(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    top = folders.create(caller=ada, name="top", parent_id=None)["id"]
    share(ada, top, user_id=bob.user_id, role="editor")
    file_id = desk.begin(bob, folder_id=top)["file"]["id"]
    transfers.abort(caller=bob, file_id=file_id)
    assert desk.usage(ada).taken == 0


class Shared:
    """Ada's folder `inner` in her folder `top`, which Bob may edit by a share and Cyd by their chat with Ada."""

    def __init__(self, ada: Caller, bob: Caller, cyd: Caller) -> None:
        self.ada, self.bob, self.cyd = ada, bob, cyd
        self.top = folders.create(caller=ada, name="top", parent_id=None)["id"]
        self.inner = folders.create(caller=ada, name="inner", parent_id=self.top)["id"]
        self.group = rooms.group(ada, cyd)
        self.share = share(ada, self.top, user_id=bob.user_id, role="editor")
        self.group_share = share(ada, self.top, conversation_id=self.group, role="editor")

    def trash(self) -> None:
        trash.remove(caller=self.ada, node_id=self.top, permanent=False, file=False)

    def move(self) -> None:
        folders.change(caller=self.ada, folder_id=self.inner, fields={"parent_id": None})

    def block(self) -> None:
        relations.block(user_id=self.ada.user_id, other_id=self.bob.user_id)
        self.lose(log.ContactChanged(self.ada.user_id, self.bob.user_id, True, None, clock.now()))

    def lose(self, loss: log.AccountLost | log.ContactChanged | log.ConversationLost) -> None:
        log.handle_loss(loss)


BOBS: dict[str, Callable[[Shared], Any]] = {
    "the owner ends the share": lambda it: unshare(it.ada, it.top, it.share),
    "the editor leaves it": lambda it: unshare(it.bob, it.top, it.share),
    "it becomes one to view": lambda it: share(it.ada, it.top, user_id=it.bob.user_id, role="viewer"),
    "the owner blocks": Shared.block,
    "the account ends": lambda it: it.lose(log.AccountLost(it.bob.user_id, "account_banned", clock.now())),
}


CYDS: dict[str, Callable[[Shared], Any]] = {
    "the group's share ends": lambda it: unshare(it.ada, it.top, it.group_share),
    "the member leaves": lambda it: rooms.remove(it.cyd, it.group, it.cyd),
}


EVERYBODYS: dict[str, Callable[[Shared], Any]] = {
    "the folder is moved": Shared.move,
    "the folder is trashed": Shared.trash,
}


@pytest.mark.parametrize("loss", [*BOBS, *CYDS, *EVERYBODYS])
def test_the_uploads_of_an_editor_end_with_the_right_and_the_owner_s_quota_is_free(
    cast: list[Caller], loss: str
) -> None:
    """R52: also a further version, and nobody's who still has the right."""
    it = Shared(*cast)
    theirs = desk.put(it.ada, b"old", folder_id=it.inner)
    bobs, cyds = (desk.begin(who, b"hello", folder_id=it.inner)["file"]["id"] for who in (it.bob, it.cyd))
    desk.begin(it.cyd if loss in CYDS else it.bob, b"newer", replaces=theirs)
    own = desk.begin(it.ada, b"mine", folder_id=it.inner)["file"]["id"]
    assert desk.usage(it.ada).reserved == 19
    {**BOBS, **CYDS, **EVERYBODYS}[loss](it)
    if loss == "the member leaves":
        it.lose(log.ConversationLost(it.group, it.cyd.user_id, clock.now()))
    ended = {bobs} if loss in BOBS else {cyds} if loss in CYDS else {bobs, cyds}
    left = store.nodes([bobs, cyds, own, theirs])
    assert set(left) == {bobs, cyds, own, theirs} - ended
    assert desk.usage(it.ada).reserved == 4 + 5 * len({bobs, cyds} - ended)
    assert desk.usage(it.ada).used == 3


def test_however_many_uploads_an_editor_has_begun_the_end_of_the_share_is_quick(
    cast: list[Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_access, "AT_ONCE", 2)
    it = Shared(*cast)
    begun = [desk.begin(it.bob, b"hello", folder_id=it.inner)["file"]["id"] for _ in range(4)]
    unshare(it.ada, it.top, it.share)
    assert len(store.nodes(begun)) == 2
    sweep.sweep()
    assert (store.nodes(begun), desk.usage(it.ada).reserved) == ({}, 0)
    assert sweep.sweep() == 0


def test_a_block_between_others_and_a_second_share_keep_an_upload(cast: list[Caller]) -> None:
    it = Shared(*cast)
    rooms.add(it.ada, it.group, it.bob)  # who may edit by the group as well from now on
    file_id = desk.begin(it.bob, b"hello", folder_id=it.inner)["file"]["id"]
    unshare(it.ada, it.top, it.share)
    it.lose(log.ContactChanged(it.bob.user_id, it.cyd.user_id, True, None, clock.now()))
    assert file_id in store.nodes([file_id])
