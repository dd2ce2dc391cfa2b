"""Sharing: how far a share reaches and when it ends (R6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drive.files import access, folders
from drive.files import service as files
from drive.sharing import links
from drive.sharing import service as sharing
from drive.trash import service as trash
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound, ValidationFailed
from tests.integration import desk, rooms
from tests.integration.drive.shares import sees, share, unshare
from users import relations


def test_a_share_reaches_down_folders_and_ends_at_once(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    top = folders.create(caller=ada, name="top", parent_id=None)["id"]
    inner = folders.create(caller=ada, name="inner", parent_id=top)["id"]
    file_id = desk.put(ada, folder_id=inner)
    assert not sees(bob, file_id)
    share_id = share(ada, top, user_id=bob.user_id)
    assert sees(bob, file_id)
    assert not sees(cyd, file_id)
    assert folders.children(caller=bob, folder_id=inner, sort="name", limit=9, after=None).items[0]["id"] == file_id
    unshare(ada, top, share_id)
    assert not sees(bob, file_id)


def test_a_viewer_looks_and_an_editor_changes(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    top = folders.create(caller=ada, name="top", parent_id=None)["id"]
    file_id = desk.put(ada, folder_id=top)
    share(ada, top, user_id=bob.user_id)
    share(ada, top, user_id=cyd.user_id, role="editor")
    changing: list[Callable[[Caller], Any]] = [
        lambda who: files.change(caller=who, file_id=file_id, fields={"name": "x.txt"}),
        lambda who: desk.begin(who, b"new", folder_id=top),
        lambda who: desk.begin(who, b"new", replaces=file_id),
        lambda who: folders.create(caller=who, name="new", parent_id=top),
    ]
    for act in changing:
        with pytest.raises(Forbidden):
            act(bob)
        act(cyd)
    for who in (bob, cyd):
        owning: list[Callable[[Caller], Any]] = [
            lambda it: trash.remove(caller=it, node_id=file_id, permanent=True, file=True),
            lambda it: share(it, file_id, user_id=ada.user_id),
            lambda it: links.create(caller=it, file_id=file_id, ends_at=None, password=None, max_downloads=None),
        ]
        for act in owning:
            with pytest.raises(Forbidden):
                act(who)


def test_what_an_editor_puts_into_a_folder_is_charged_to_its_owner(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    top = folders.create(caller=ada, name="top", parent_id=None)["id"]
    share(ada, top, user_id=bob.user_id, role="editor")
    file_id = desk.put(bob, b"12345", folder_id=top)
    assert (desk.usage(ada).used, desk.usage(bob).used) == (5, 0)
    assert files.get(caller=ada, file_id=file_id)["owner_id"] == ada.user_id
    assert [each["action"] for each in files.activity(caller=ada, file_id=file_id, limit=9, after=None).items] == [
        "uploaded"
    ]


def test_two_people_s_uploads_of_a_file_may_have_one_client_id(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    file_id = desk.put(ada)
    share(ada, file_id, user_id=bob.user_id, role="editor")
    desk.begin(ada, b"hers", replaces=file_id, client_id="1")
    desk.put(bob, b"his", replaces=file_id, client_id="1")
    assert (files.get(caller=ada, file_id=file_id)["size"], desk.usage(ada).taken) == (3, 8)


def test_members_of_a_conversation_lose_a_share_with_their_membership(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    group = rooms.group(ada, bob)
    file_id = desk.put(ada)
    share(ada, file_id, conversation_id=group)
    assert (sees(bob, file_id), sees(cyd, file_id)) == (True, False)
    assert [each["id"] for each in sharing.shared_with_me(caller=bob, limit=9, after=None).items] == [file_id]
    rooms.remove(ada, group, bob)
    assert not sees(bob, file_id)
    assert sharing.shared_with_me(caller=bob, limit=9, after=None).items == []


def test_a_file_of_a_conversation_is_its_members_from_when_they_came(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    with clock.held(clock.now()) as advance:
        group = rooms.group(ada, bob)
        early = desk.put(ada, conversation_id=group)
        advance(clock.MINUTE)
        rooms.add(ada, group, cyd)
        late = desk.put(bob, conversation_id=group)
        assert (sees(bob, early), sees(cyd, early), sees(cyd, late)) == (True, False, True)
        shown = sharing.gallery(caller=cyd, conversation_id=group, limit=9, after=None).items
        assert [each["id"] for each in shown] == [late]
        first = sharing.gallery(caller=ada, conversation_id=group, limit=1, after=None)
        rest = sharing.gallery(caller=ada, conversation_id=group, limit=1, after=first.next_cursor)
        assert [each["id"] for each in [*first.items, *rest.items]] == [late, early]


def test_what_is_shared_in_two_ways_comes_once_however_small_the_pages(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    groups = [rooms.group(ada, bob) for _ in range(2)]
    both, one = desk.put(ada), desk.put(ada)
    first = share(ada, both, user_id=bob.user_id)
    for group in groups:
        share(ada, both, conversation_id=group, role="editor")
    share(ada, one, conversation_id=groups[0])

    def listed() -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        after = None
        while True:
            page = sharing.shared_with_me(caller=bob, limit=1, after=after)
            found += [(each["id"], each["role"]) for each in page.items]
            after = page.next_cursor
            if after is None:
                return sorted(found)

    assert listed() == sorted([(both, "editor"), (one, "viewer")])
    unshare(ada, both, first)
    assert listed() == sorted([(both, "editor"), (one, "viewer")])


def test_pages_of_what_is_shared_go_on_behind_a_conversation_that_was_left(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    groups = sorted(rooms.group(ada, bob) for _ in range(20))
    made = [desk.put(ada) for _ in range(4)]
    for file_id, given in zip(
        made, [{"user_id": bob.user_id}, *({"conversation_id": groups[n]} for n in (0, 9, 19))], strict=True
    ):
        share(ada, file_id, **given)
    first = sharing.shared_with_me(caller=bob, limit=2, after=None)
    rooms.remove(ada, groups[0], bob)
    second = sharing.shared_with_me(caller=bob, limit=2, after=first.next_cursor)
    assert [each["id"] for page in (first, second) for each in page.items] == made
    assert second.next_cursor is None


def test_with_whom_else_a_file_is_shared_is_its_owner_s_business(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    file_id = desk.put(ada)
    share(ada, file_id, user_id=cyd.user_id)
    share(ada, file_id, user_id=bob.user_id)
    links.create(caller=ada, file_id=file_id, ends_at=None, password=None, max_downloads=None)
    for who, told in ((ada, True), (bob, False)):
        found = files.activity(caller=who, file_id=file_id, limit=9, after=None).items
        assert [each["action"] for each in found] == ["link_created", "shared", "shared", "uploaded"]
        assert [bool(each["details"]) for each in found] == [told, told, told, True]


def test_sharing_again_changes_the_role_of_the_one_share(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    file_id = desk.put(ada)
    first = share(ada, file_id, user_id=bob.user_id)
    assert share(ada, file_id, user_id=bob.user_id, role="editor") == first
    found = access.require_node(file_id, bob.user_id, kind="file")
    assert [each.role for each in found.shares] == ["editor"]


def test_whom_a_file_is_shared_with_may_leave_it(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    file_id = desk.put(ada)
    share_id = share(ada, file_id, user_id=bob.user_id)
    with pytest.raises(NotFound):
        unshare(cyd, file_id, share_id)
    unshare(bob, file_id, share_id)
    assert not sees(bob, file_id)


def test_shares_that_make_no_sense_are_refused(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    file_id = desk.put(ada)
    for given in ({}, {"user_id": ada.user_id}, {"user_id": bob.user_id, "conversation_id": "cnv_x"}):
        with pytest.raises(ValidationFailed):
            share(ada, file_id, **given)
    with pytest.raises(NotFound):
        share(ada, file_id, conversation_id=rooms.group(bob))
    relations.block(user_id=cyd.user_id, other_id=ada.user_id)
    with pytest.raises(NotFound):
        share(ada, file_id, user_id=cyd.user_id)


def test_what_is_in_the_trash_is_shared_with_nobody(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    top = folders.create(caller=ada, name="top", parent_id=None)["id"]
    file_id = desk.put(ada, folder_id=top)
    share(ada, file_id, user_id=bob.user_id)
    trash.remove(caller=ada, node_id=top, permanent=False, file=False)
    assert not sees(bob, file_id)
