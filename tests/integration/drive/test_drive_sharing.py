"""Sharing: how far a share reaches and when it ends (R6); public links."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from accounts import bans
from drive import model, store
from drive.files import access, folders
from drive.files import service as files
from drive.route_schemas import NewLink
from drive.sharing import links
from drive.sharing import service as sharing
from drive.trash import service as trash
from drive.trash import sweep
from drive.uploads import lost_access, transfers
from drive.uploads import service as uploads
from kernel import clock, origin
from kernel.caller import Caller
from kernel.errors import Forbidden, Gone, NotFound, Problem, ValidationFailed
from kernel.limiter import LimitExceeded
from kernel.paging import Page
from kernel.schema import parse_json
from log import api as log
from tests.integration import desk, rooms
from tests.integration.rooms import people
from users import relations


@pytest.fixture
def cast() -> list[Caller]:
    return people("ada", "bob", "cyd")


def _share(owner: Caller, node_id: str, **given: Any) -> str:
    fields = {"user_id": None, "conversation_id": None, "role": "viewer", **given}
    made = sharing.share(caller=owner, node_id=node_id, file=node_id.startswith("fil_"), **fields)
    return str(made["id"])


def _unshare(who: Caller, node_id: str, share_id: str) -> None:
    sharing.unshare(caller=who, node_id=node_id, share_id=share_id, file=node_id.startswith("fil_"))


def _sees(who: Caller, file_id: str) -> bool:
    try:
        files.download(caller=who, file_id=file_id)
    except NotFound:
        return False
    return True


def test_a_share_reaches_down_folders_and_ends_at_once(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    top = folders.create(caller=ada, name="top", parent_id=None)["id"]
    inner = folders.create(caller=ada, name="inner", parent_id=top)["id"]
    file_id = desk.put(ada, folder_id=inner)
    assert not _sees(bob, file_id)
    share_id = _share(ada, top, user_id=bob.user_id)
    assert _sees(bob, file_id)
    assert not _sees(cyd, file_id)
    assert folders.children(caller=bob, folder_id=inner, sort="name", limit=9, after=None).items[0]["id"] == file_id
    _unshare(ada, top, share_id)
    assert not _sees(bob, file_id)


def test_a_viewer_looks_and_an_editor_changes(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    top = folders.create(caller=ada, name="top", parent_id=None)["id"]
    file_id = desk.put(ada, folder_id=top)
    _share(ada, top, user_id=bob.user_id)
    _share(ada, top, user_id=cyd.user_id, role="editor")
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
            lambda it: _share(it, file_id, user_id=ada.user_id),
            lambda it: links.create(caller=it, file_id=file_id, ends_at=None, password=None, max_downloads=None),
        ]
        for act in owning:
            with pytest.raises(Forbidden):
                act(who)


def test_what_an_editor_puts_into_a_folder_is_charged_to_its_owner(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    top = folders.create(caller=ada, name="top", parent_id=None)["id"]
    _share(ada, top, user_id=bob.user_id, role="editor")
    file_id = desk.put(bob, b"12345", folder_id=top)
    assert (desk.usage(ada).used, desk.usage(bob).used) == (5, 0)
    assert files.get(caller=ada, file_id=file_id)["owner_id"] == ada.user_id
    assert [each["action"] for each in files.activity(caller=ada, file_id=file_id, limit=9, after=None).items] == [
        "uploaded"
    ]


def test_an_upload_under_way_and_its_repeats_end_with_the_share(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    top = folders.create(caller=ada, name="top", parent_id=None)["id"]
    share = _share(ada, top, user_id=bob.user_id, role="editor")
    wanted, other = desk.wanted(folder_id=top), desk.wanted(folder_id=top)
    begun, _ = uploads.begin(caller=bob, wanted=wanted)
    file_id = begun["file"]["id"]
    sent = desk.send(begun, b"hello")
    there, _ = uploads.begin(caller=bob, wanted=other)
    assert desk.arrive(*desk.send(there, b"hello")) == "ready"
    transfers.complete(caller=bob, file_id=file_id, sent_parts=[])
    _share(ada, top, user_id=bob.user_id, role="viewer")
    with pytest.raises(Forbidden):
        transfers.complete(caller=bob, file_id=file_id, sent_parts=[])
    _unshare(ada, top, share)
    with pytest.raises(NotFound):
        transfers.complete(caller=bob, file_id=file_id, sent_parts=[])
    assert transfers.complete(caller=ada, file_id=file_id, sent_parts=[])["state"] == "processing"
    assert desk.arrive(*sent) == "rejected"
    files.change(caller=ada, file_id=there["file"]["id"], fields={"name": "for nobody but me"})
    for each in (wanted, other):
        with pytest.raises(NotFound):
            uploads.begin(caller=bob, wanted=each)


def test_who_uploads_elsewhere_may_give_up(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    top = folders.create(caller=ada, name="top", parent_id=None)["id"]
    _share(ada, top, user_id=bob.user_id, role="editor")
    file_id = desk.begin(bob, folder_id=top)["file"]["id"]
    transfers.abort(caller=bob, file_id=file_id)
    assert desk.usage(ada).taken == 0


# --- uploads of editors who lose their right -------------------------------------------------------------------


class Shared:
    """Ada's folder `inner` in her folder `top`, which Bob may edit by a share and Cyd by their chat with Ada."""

    def __init__(self, ada: Caller, bob: Caller, cyd: Caller) -> None:
        self.ada, self.bob, self.cyd = ada, bob, cyd
        self.top = folders.create(caller=ada, name="top", parent_id=None)["id"]
        self.inner = folders.create(caller=ada, name="inner", parent_id=self.top)["id"]
        self.group = rooms.group(ada, cyd)
        self.share = _share(ada, self.top, user_id=bob.user_id, role="editor")
        self.group_share = _share(ada, self.top, conversation_id=self.group, role="editor")

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
    "the owner ends the share": lambda it: _unshare(it.ada, it.top, it.share),
    "the editor leaves it": lambda it: _unshare(it.bob, it.top, it.share),
    "it becomes one to view": lambda it: _share(it.ada, it.top, user_id=it.bob.user_id, role="viewer"),
    "the owner blocks": Shared.block,
    "the account ends": lambda it: it.lose(log.AccountLost(it.bob.user_id, "account_banned", clock.now())),
}
CYDS: dict[str, Callable[[Shared], Any]] = {
    "the group's share ends": lambda it: _unshare(it.ada, it.top, it.group_share),
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
    _unshare(it.ada, it.top, it.share)
    assert len(store.nodes(begun)) == 2
    sweep.sweep()
    assert (store.nodes(begun), desk.usage(it.ada).reserved) == ({}, 0)
    assert sweep.sweep() == 0


def test_a_block_between_others_and_a_second_share_keep_an_upload(cast: list[Caller]) -> None:
    it = Shared(*cast)
    rooms.add(it.ada, it.group, it.bob)  # who may edit by the group as well from now on
    file_id = desk.begin(it.bob, b"hello", folder_id=it.inner)["file"]["id"]
    _unshare(it.ada, it.top, it.share)
    it.lose(log.ContactChanged(it.bob.user_id, it.cyd.user_id, True, None, clock.now()))
    assert file_id in store.nodes([file_id])


def test_two_people_s_uploads_of_a_file_may_have_one_client_id(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    file_id = desk.put(ada)
    _share(ada, file_id, user_id=bob.user_id, role="editor")
    desk.begin(ada, b"hers", replaces=file_id, client_id="1")
    desk.put(bob, b"his", replaces=file_id, client_id="1")
    assert (files.get(caller=ada, file_id=file_id)["size"], desk.usage(ada).taken) == (3, 8)


def test_members_of_a_conversation_lose_a_share_with_their_membership(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    group = rooms.group(ada, bob)
    file_id = desk.put(ada)
    _share(ada, file_id, conversation_id=group)
    assert (_sees(bob, file_id), _sees(cyd, file_id)) == (True, False)
    assert [each["id"] for each in sharing.shared_with_me(caller=bob, limit=9, after=None).items] == [file_id]
    rooms.remove(ada, group, bob)
    assert not _sees(bob, file_id)
    assert sharing.shared_with_me(caller=bob, limit=9, after=None).items == []


def test_a_file_of_a_conversation_is_its_members_from_when_they_came(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    with clock.held(clock.now()) as advance:
        group = rooms.group(ada, bob)
        early = desk.put(ada, conversation_id=group)
        advance(clock.MINUTE)
        rooms.add(ada, group, cyd)
        late = desk.put(bob, conversation_id=group)
        assert (_sees(bob, early), _sees(cyd, early), _sees(cyd, late)) == (True, False, True)
        shown = sharing.gallery(caller=cyd, conversation_id=group, limit=9, after=None).items
        assert [each["id"] for each in shown] == [late]
        first = sharing.gallery(caller=ada, conversation_id=group, limit=1, after=None)
        rest = sharing.gallery(caller=ada, conversation_id=group, limit=1, after=first.next_cursor)
        assert [each["id"] for each in [*first.items, *rest.items]] == [late, early]


def test_what_is_shared_in_two_ways_comes_once_however_small_the_pages(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    groups = [rooms.group(ada, bob) for _ in range(2)]
    both, one = desk.put(ada), desk.put(ada)
    first = _share(ada, both, user_id=bob.user_id)
    for group in groups:
        _share(ada, both, conversation_id=group, role="editor")
    _share(ada, one, conversation_id=groups[0])

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
    _unshare(ada, both, first)
    assert listed() == sorted([(both, "editor"), (one, "viewer")])


def test_pages_of_what_is_shared_go_on_behind_a_conversation_that_was_left(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    groups = sorted(rooms.group(ada, bob) for _ in range(20))
    made = [desk.put(ada) for _ in range(4)]
    for file_id, given in zip(
        made, [{"user_id": bob.user_id}, *({"conversation_id": groups[n]} for n in (0, 9, 19))], strict=True
    ):
        _share(ada, file_id, **given)
    first = sharing.shared_with_me(caller=bob, limit=2, after=None)
    rooms.remove(ada, groups[0], bob)
    second = sharing.shared_with_me(caller=bob, limit=2, after=first.next_cursor)
    assert [each["id"] for page in (first, second) for each in page.items] == made
    assert second.next_cursor is None


def test_with_whom_else_a_file_is_shared_is_its_owner_s_business(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    file_id = desk.put(ada)
    _share(ada, file_id, user_id=cyd.user_id)
    _share(ada, file_id, user_id=bob.user_id)
    links.create(caller=ada, file_id=file_id, ends_at=None, password=None, max_downloads=None)
    for who, told in ((ada, True), (bob, False)):
        found = files.activity(caller=who, file_id=file_id, limit=9, after=None).items
        assert [each["action"] for each in found] == ["link_created", "shared", "shared", "uploaded"]
        assert [bool(each["details"]) for each in found] == [told, told, told, True]


def test_sharing_again_changes_the_role_of_the_one_share(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    file_id = desk.put(ada)
    first = _share(ada, file_id, user_id=bob.user_id)
    assert _share(ada, file_id, user_id=bob.user_id, role="editor") == first
    found = access.require_node(file_id, bob.user_id, kind="file")
    assert [each.role for each in found.shares] == ["editor"]


def test_whom_a_file_is_shared_with_may_leave_it(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    file_id = desk.put(ada)
    share_id = _share(ada, file_id, user_id=bob.user_id)
    with pytest.raises(NotFound):
        _unshare(cyd, file_id, share_id)
    _unshare(bob, file_id, share_id)
    assert not _sees(bob, file_id)


def test_shares_that_make_no_sense_are_refused(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    file_id = desk.put(ada)
    for given in ({}, {"user_id": ada.user_id}, {"user_id": bob.user_id, "conversation_id": "cnv_x"}):
        with pytest.raises(ValidationFailed):
            _share(ada, file_id, **given)
    with pytest.raises(NotFound):
        _share(ada, file_id, conversation_id=rooms.group(bob))
    relations.block(user_id=cyd.user_id, other_id=ada.user_id)
    with pytest.raises(NotFound):
        _share(ada, file_id, user_id=cyd.user_id)


def test_what_is_in_the_trash_is_shared_with_nobody(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    top = folders.create(caller=ada, name="top", parent_id=None)["id"]
    file_id = desk.put(ada, folder_id=top)
    _share(ada, file_id, user_id=bob.user_id)
    trash.remove(caller=ada, node_id=top, permanent=False, file=False)
    assert not _sees(bob, file_id)


# --- public links ---------------------------------------------------------------------------------------------


def _link(owner: Caller, file_id: str, **given: Any) -> str:
    fields = {"ends_at": None, "password": None, "max_downloads": None, **given}
    return str(links.create(caller=owner, file_id=file_id, **fields)["token"])


def test_a_link_ends_to_the_millisecond(cast: list[Caller]) -> None:
    ada = cast[0]
    file_id = desk.put(ada)
    with clock.held(clock.now()) as advance:
        token = _link(ada, file_id, ends_at=clock.now() + 1000)
        advance(999)
        assert links.follow(token=token, password=None)["file"]["id"] == file_id
        advance(1)
        with pytest.raises(Gone):
            links.follow(token=token, password=None)


def test_links_of_a_banned_person_end_with_the_ban_and_come_back_without_it(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    plain, closed = _link(ada, desk.put(ada)), _link(ada, desk.put(ada), password="open sesame")
    others = _link(bob, desk.put(bob))
    bans.ban(user_id=ada.user_id, by=bob.user_id, reason="malware", until=None)
    for token, password in ((plain, None), (closed, None), (closed, "wrong"), (closed, "open sesame")):
        with pytest.raises(Gone):
            links.follow(token=token, password=password)
    assert links.follow(token=others, password=None)["file"]["owner_id"] == bob.user_id

    bans.unban(user_id=ada.user_id, by=bob.user_id)
    assert links.follow(token=plain, password=None)["file"]["owner_id"] == ada.user_id
    assert links.follow(token=closed, password="open sesame")["file"]["owner_id"] == ada.user_id


def test_a_link_comes_back_when_the_ban_is_over_and_counts_no_download_before(cast: list[Caller]) -> None:
    ada = cast[0]
    token = _link(ada, desk.put(ada), max_downloads=1)
    with clock.held(clock.now()) as advance:
        bans.ban(user_id=ada.user_id, by=ada.user_id, reason="spam", until=clock.now() + clock.MINUTE)
        with pytest.raises(Gone):
            links.follow(token=token, password=None)
        advance(clock.MINUTE)
        assert links.follow(token=token, password=None)["file"]["owner_id"] == ada.user_id


def test_a_link_is_used_exactly_as_often_as_it_may(cast: list[Caller]) -> None:
    ada = cast[0]
    token = _link(ada, desk.put(ada), max_downloads=5)
    outcomes: list[str] = []

    def follow() -> None:
        try:
            links.follow(token=token, password=None)
            outcomes.append("given")
        except Gone:
            outcomes.append("gone")

    threads = [threading.Thread(target=follow) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("given") == 5


def test_a_password_has_ten_tries(cast: list[Caller]) -> None:
    ada = cast[0]
    token = _link(ada, desk.put(ada), password="open sesame", max_downloads=1)
    with pytest.raises(Forbidden):
        links.follow(token=token, password=None)
    for _ in range(10):
        with pytest.raises(Problem) as refused:
            links.follow(token=token, password="wrong")
        assert refused.value.stable_code == "password_wrong"
    with pytest.raises(LimitExceeded):
        links.follow(token=token, password="open sesame")


@pytest.mark.parametrize("password", ["ä" * 128, "Grüße 你好 👍", "Ã¤"])
def test_a_link_s_password_is_of_any_script_and_counts_to_its_last_character(cast: list[Caller], password: str) -> None:
    ada = cast[0]
    token = _link(ada, desk.put(ada), password=password)
    for header in (password, password.encode().decode("latin-1")):
        assert links.follow(token=token, password=header)["url"]
    for wrong in (password + "x", password[:-1], password.encode().decode("latin-1") + "x"):
        with pytest.raises(Forbidden):
            links.follow(token=token, password=wrong)


def test_who_knows_the_password_uses_up_no_tries(cast: list[Caller]) -> None:
    ada = cast[0]
    token = _link(ada, desk.put(ada), password="open sesame")
    with clock.held(clock.now()):  # the tries of one window
        for _ in range(12):
            links.follow(token=token, password="open sesame")
        for _ in range(10):
            with pytest.raises(Forbidden):
                links.follow(token=token, password="wrong")
        with pytest.raises(LimitExceeded):
            links.follow(token=token, password="open sesame")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2099-12-31", "tomorrow"])
def test_the_end_of_a_link_is_a_time_that_can_be_written(text: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        parse_json(NewLink, f'{{"expires_at": "{text}"}}')
    assert [each.field for each in refused.value.errors] == ["expires_at"]


def test_shares_and_links_come_in_pages(cast: list[Caller]) -> None:
    ada, *others = cast
    file_id = desk.put(ada)
    for other in others:
        sharing.share(
            caller=ada, node_id=file_id, file=True, user_id=other.user_id, conversation_id=None, role="viewer"
        )  # fmt: skip
        _link(ada, file_id)

    def shares(after: str | None) -> Page[dict[str, Any]]:
        return sharing.list_shares(caller=ada, node_id=file_id, file=True, limit=1, after=after)

    def all_links(after: str | None) -> Page[dict[str, Any]]:
        return links.list_links(caller=ada, file_id=file_id, limit=1, after=after)

    for read in (shares, all_links):
        found, page = [], read(None)
        found += page.items
        while page.next_cursor is not None:
            page = read(page.next_cursor)
            found += page.items
        assert len({each["id"] for each in found}) == len(found) == len(others) > 1


def test_a_link_of_a_file_that_is_gone_or_taken_back_leads_nowhere(cast: list[Caller]) -> None:
    ada = cast[0]
    file_id = desk.put(ada)
    one, other = _link(ada, file_id), _link(ada, file_id)
    listed = links.list_links(caller=ada, file_id=file_id, limit=50, after=None).items
    assert "token" not in listed[0]
    links.remove(caller=ada, file_id=file_id, link_id=listed[0]["id"])
    outcomes = []
    for token in (one, other):
        try:
            links.follow(token=token, password=None)
            outcomes.append(True)
        except NotFound:
            outcomes.append(False)
    assert sorted(outcomes) == [False, True]
    trash.remove(caller=ada, node_id=file_id, permanent=True, file=True)
    for token in (one, other, "x" * 65):
        with pytest.raises(NotFound):
            links.follow(token=token, password=None)


def test_only_ready_files_get_links_and_no_token_is_stored(cast: list[Caller]) -> None:
    from tests.tools import rows

    ada = cast[0]
    begun = desk.begin(ada)
    with pytest.raises(model.NotReady):
        _link(ada, begun["file"]["id"])
    transfers.abort(caller=ada, file_id=begun["file"]["id"])
    token = _link(ada, desk.put(ada), password="open sesame")
    stored = str(rows("drive"))
    assert token not in stored
    assert "open sesame" not in stored


def test_a_link_that_is_over_before_it_begins_is_refused(cast: list[Caller]) -> None:
    file_id = desk.put(cast[0])
    for ends_at in (0, clock.now() - 1):
        with pytest.raises(ValidationFailed, match="expires_at"):
            _link(cast[0], file_id, ends_at=ends_at)


def test_a_link_is_a_whole_address_of_the_api(cast: list[Caller]) -> None:
    with origin.called_from("203.0.113.7", "https://api.example/v1"):
        made = links.create(caller=cast[0], file_id=desk.put(cast[0]), ends_at=None, password=None, max_downloads=None)
    assert made["url"] == f"https://api.example/v1/drive/links/{made['token']}"


def test_who_guesses_a_password_keeps_nobody_elsewhere_from_the_right_one(cast: list[Caller]) -> None:
    token = _link(cast[0], desk.put(cast[0]), password="open sesame")
    with origin.called_from("198.51.100.1"):
        for _ in range(10):
            with pytest.raises(Forbidden):
                links.follow(token=token, password="wrong")
        with pytest.raises(LimitExceeded):
            links.follow(token=token, password="open sesame")
    with origin.called_from("203.0.113.7"):
        assert links.follow(token=token, password="open sesame")["url"]
