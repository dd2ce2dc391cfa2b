"""Files that go with messages: who may attach what, and that they go when the message goes."""

from __future__ import annotations

from typing import Any

import pytest

from conversations import service as conversations
from drive.files import service as files
from drive.model import NotReady
from drive.sharing import attachments
from drive.sharing import service as sharing
from drive.trash import due_store, sweep
from drive.trash import service as trash
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound, ValidationFailed
from messages import service as messages
from messages.views import attachment_view
from tests.integration import desk, rooms
from tests.integration.following import settle_losses
from tests.integration.rooms import people, say


@pytest.fixture
def cast() -> list[Caller]:
    return people("ada", "bob")


def _attach(who: Caller, group: str, *file_ids: str, text: str | None = None, client_id: str = "1") -> dict[str, Any]:
    message, _ = say(who, group, text, client_id=client_id, attachment_ids=list(file_ids))
    return message


def _share(owner: Caller, file_id: str, group: str) -> None:
    sharing.share(caller=owner, node_id=file_id, file=True, user_id=None, conversation_id=group, role="viewer")


def _gone(who: Caller, file_id: str) -> bool:
    try:
        files.get(caller=who, file_id=file_id)
    except NotFound:
        return True
    return False


def test_a_message_shows_its_files_to_the_members(cast: list[Caller]) -> None:
    ada, bob = cast
    group = rooms.group(ada, bob)
    file_id = desk.put(ada, conversation_id=group)
    message = _attach(ada, group, file_id)
    assert (message["type"], message["text"]) == ("file", None)
    shown = messages.get(caller=bob, conversation_id=group, message_id=message["id"])["attachments"]
    assert [(each["id"], each["name"], each["size"], each["state"]) for each in shown] == [
        (file_id, "notes.txt", 5, "ready")
    ]
    assert files.download(caller=bob, file_id=file_id)["url"]
    assert rooms.seen(bob, group)[-1]["data"]["attachments"] == shown


def test_a_message_tells_the_dimensions_of_its_pictures(cast: list[Caller]) -> None:
    ada, bob = cast
    group = rooms.group(ada, bob)
    file_id = desk.put_picture(ada, 12, 8, conversation_id=group)
    shown = _attach(ada, group, file_id)["attachments"]
    assert [(each["width"], each["height"]) for each in shown] == [(12, 8)]


def test_a_file_that_was_sent_before_dimensions_were_kept_is_shown_without_them() -> None:
    shown = attachment_view({"id": "fil_1", "name": "a.png"})
    assert (shown["width"], shown["height"]) == (None, None)


def _shared_with(who: Caller) -> list[str]:
    return [each["id"] for each in sharing.shared_with_me(caller=who, limit=9, after=None).items]


@pytest.mark.parametrize("history_visible", [False, True])
def test_whoever_came_later_gets_the_files_of_the_messages_they_may_see(
    cast: list[Caller], history_visible: bool
) -> None:
    ada, bob = cast
    group = rooms.group(ada, settings={"history_visible": history_visible})
    old, lent, kept = desk.put(ada, conversation_id=group), desk.put(ada), desk.put(ada, conversation_id=group)
    _attach(ada, group, old, lent)
    rooms.add(ada, group, bob)
    hidden = not history_visible
    assert [_gone(bob, file_id) for file_id in (old, lent)] == [hidden, hidden]
    assert _shared_with(bob) == ([] if hidden else [lent])
    _attach(ada, group, kept, client_id="2")
    assert files.download(caller=bob, file_id=kept)["url"]
    shown = {each["id"] for each in _gallery(bob, group)}
    assert shown == ({kept} if hidden else {kept, old})
    _attach(ada, group, lent, old, client_id="3")
    assert [_gone(bob, file_id) for file_id in (old, lent)] == [False, False]


def test_the_same_send_again_is_the_same_message(cast: list[Caller]) -> None:
    ada, bob = cast
    group = rooms.group(ada, bob)
    file_id = desk.put(ada, conversation_id=group)
    assert _attach(ada, group, file_id, text="look") == _attach(ada, group, file_id, text="look")


def test_only_one_s_own_ready_files_can_be_attached(cast: list[Caller]) -> None:
    ada, bob = cast
    group = rooms.group(ada, bob)
    foreign, pending = desk.put(bob), desk.begin(ada)["file"]["id"]
    for file_id in (foreign, pending, "fil_01kb0000000000000000000009", "nothing"):
        with pytest.raises(ValidationFailed):
            _attach(ada, group, file_id)


def test_a_file_goes_with_its_message(cast: list[Caller]) -> None:
    ada, bob = cast
    group = rooms.group(ada, bob)
    file_id = desk.put(ada, conversation_id=group)
    message = _attach(ada, group, file_id)
    messages.delete(caller=ada, conversation_id=group, message_id=message["id"])
    assert _gone(bob, file_id)
    with pytest.raises(NotReady):
        files.download(caller=ada, file_id=file_id)
    sweep.sweep()
    assert _gone(ada, file_id)
    assert (desk.usage(ada).taken, desk.blobs_left()) == (0, [])
    tombstone = messages.get(caller=bob, conversation_id=group, message_id=message["id"])
    assert tombstone["attachments"] == []


def test_a_file_of_the_drive_is_shared_by_its_message_and_stays_its_owner_s(cast: list[Caller]) -> None:
    ada, bob = cast
    group, file_id = rooms.group(ada, bob), desk.put(ada)
    assert _gone(bob, file_id)
    message = _attach(ada, group, file_id)
    assert not _gone(bob, file_id)
    messages.delete(caller=ada, conversation_id=group, message_id=message["id"])
    assert _gone(bob, file_id)
    assert not _gone(ada, file_id)


def test_newcomers_see_the_files_of_messages_that_they_see(cast: list[Caller]) -> None:
    ada, bob = cast
    cyd = people("cyd")[0]
    group, old, told, shared = rooms.group(ada, bob), desk.put(ada), desk.put(ada), desk.put(ada)
    _attach(ada, group, old, told)
    _share(ada, shared, group)
    rooms.add(ada, group, cyd)
    assert [_gone(cyd, file_id) for file_id in (old, told, shared)] == [True, True, False]
    _attach(ada, group, told, client_id="2")
    assert [_gone(cyd, file_id) for file_id in (old, told, shared)] == [True, False, False]
    listed = sharing.shared_with_me(caller=cyd, limit=9, after=None).items
    assert {each["id"] for each in listed} == {told, shared}
    assert not any(_gone(bob, file_id) for file_id in (old, told, shared))


def test_what_was_shared_by_hand_outlives_a_message_with_the_file(cast: list[Caller]) -> None:
    ada, bob = cast
    group, before, after = rooms.group(ada, bob), desk.put(ada), desk.put(ada)
    _share(ada, before, group)
    message = _attach(ada, group, before, after)
    _share(ada, after, group)
    messages.delete(caller=ada, conversation_id=group, message_id=message["id"])
    assert not _gone(bob, before)
    assert not _gone(bob, after)


def test_a_file_in_two_messages_goes_with_the_later(cast: list[Caller]) -> None:
    ada, bob = cast
    group = rooms.group(ada, bob)
    file_id = desk.put(ada, conversation_id=group)
    first, second = (_attach(ada, group, file_id, client_id=client_id) for client_id in ("1", "2"))
    messages.delete(caller=ada, conversation_id=group, message_id=first["id"])
    assert not _gone(bob, file_id)
    messages.delete(caller=ada, conversation_id=group, message_id=second["id"])
    assert _gone(bob, file_id)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_file_stays_as_long_as_one_of_its_messages(cast: list[Caller], order: tuple[int, int]) -> None:
    ada, bob = cast
    group = rooms.group(ada, bob)
    file_id = desk.put(ada, conversation_id=group)
    sent = [_attach(ada, group, file_id, client_id=client_id) for client_id in ("1", "2")]
    messages.delete(caller=ada, conversation_id=group, message_id=sent[order[0]]["id"])
    sweep.sweep()
    assert files.download(caller=bob, file_id=file_id)["url"]
    assert [each["id"] for each in _gallery(bob, group)] == [file_id]
    messages.delete(caller=ada, conversation_id=group, message_id=sent[order[1]]["id"])
    assert _gone(bob, file_id)
    sweep.sweep()
    assert (_gone(ada, file_id), desk.usage(ada).taken, desk.blobs_left()) == (True, 0, [])


def test_a_file_that_was_forwarded_outlives_its_first_message(cast: list[Caller]) -> None:
    ada, bob = cast
    cyd = people("cyd")[0]
    group, other = rooms.group(ada, bob), rooms.group(ada, cyd)
    file_id = desk.put(ada, conversation_id=group)
    first = _attach(ada, group, file_id)
    forward = {"conversation_id": group, "message_id": first["id"]}
    copy, _ = say(ada, other, None, client_id="2", forward=forward)
    messages.delete(caller=ada, conversation_id=group, message_id=first["id"])
    for _ in range(2):
        assert _gone(bob, file_id)
        assert files.download(caller=cyd, file_id=file_id)["url"]
        sweep.sweep()
    assert _gallery(bob, group) == []
    kept = files.get(caller=ada, file_id=file_id)
    assert (kept["state"], kept["conversation_id"], kept["folder_id"]) == ("ready", None, None)
    messages.delete(caller=ada, conversation_id=other, message_id=copy["id"])
    assert (_gone(cyd, file_id), _gone(ada, file_id)) == (True, False)


def test_what_a_deletion_left_over_is_swept(cast: list[Caller]) -> None:
    ada, bob = cast
    group = rooms.group(ada, bob)
    file_id = desk.put(ada, conversation_id=group)
    message = _attach(ada, group, file_id)
    due_store.put_task(
        attachments._task_key(group, message["seq"]), "attachments", due_at=clock.now(), objects=[file_id]
    )
    sweep.sweep()
    assert _gone(ada, file_id)
    assert sweep.sweep() == 0


def test_a_file_deleted_by_its_owner_is_gone_for_all(cast: list[Caller]) -> None:
    ada, bob = cast
    group = rooms.group(ada, bob)
    file_id = desk.put(ada, conversation_id=group)
    _attach(ada, group, file_id)
    trash.remove(caller=ada, node_id=file_id, permanent=True, file=True)
    assert _gone(bob, file_id)


def test_files_of_a_message_that_disappears_go_with_it(cast: list[Caller]) -> None:
    ada, bob = cast
    with clock.held(clock.now()) as advance:
        group = rooms.group(ada, bob, settings={"disappearing_seconds": 60})
        file_id = desk.put(ada, conversation_id=group)
        _attach(ada, group, file_id)
        advance(59 * clock.SECOND)
        sweep.sweep()
        assert not _gone(bob, file_id)
        advance(clock.SECOND)
        sweep.sweep()
        assert _gone(ada, file_id)
        assert desk.usage(ada).taken == 0


def test_members_lose_the_files_of_a_message_at_the_millisecond_it_disappears(cast: list[Caller]) -> None:
    ada, bob = cast
    with clock.held(clock.now()) as advance:
        group = rooms.group(ada, bob, settings={"disappearing_seconds": 60})
        own, lent, shared = desk.put(ada, conversation_id=group), desk.put(ada), desk.put(ada)
        _share(ada, shared, group)
        _attach(ada, group, own, lent, shared)
        advance(60 * clock.SECOND - 1)
        assert not any(_gone(bob, file_id) for file_id in (own, lent, shared))
        assert [each["id"] for each in _gallery(bob, group)] == [own]
        advance(1)
        assert [_gone(bob, file_id) for file_id in (own, lent, shared)] == [True, True, False]
        assert _gallery(bob, group) == []
        again = _attach(ada, group, lent, client_id="again")
        assert not _gone(bob, lent)
        messages.delete(caller=ada, conversation_id=group, message_id=again["id"])
        assert _gone(bob, lent)


def test_files_last_as_long_as_their_message_by_the_time_of_the_log(cast: list[Caller]) -> None:
    ada, bob = cast
    start = clock.now()
    with clock.held(start + 5_000):  # by the clock of another writer
        group = rooms.group(ada, bob, settings={"disappearing_seconds": 60})
    with clock.held(start) as advance:
        own = desk.put(ada, conversation_id=group)
        message = _attach(ada, group, own)
        assert message["expires_at"] == start + 65_000
        advance(64_999)
        assert not _gone(bob, own)
        advance(1)
        assert _gone(bob, own)


def _gallery(who: Caller, group: str) -> list[dict[str, Any]]:
    return sharing.gallery(caller=who, conversation_id=group, limit=9, after=None).items


def test_no_plain_upload_gets_into_a_conversation_that_has_become_encrypted() -> None:
    """R56: neither one that was under way, nor a further version of a file from before."""
    ada, bob = people("ada", "bob")
    group = rooms.group(ada, bob)
    before = desk.put(ada, b"old", conversation_id=group)
    plain, sealed = (desk.begin(ada, conversation_id=group, content_type=kind) for kind in (desk.TEXT, desk.BYTES))
    version = desk.begin(ada, b"newer", replaces=before)
    conversations.change(caller=ada, conversation_id=group, fields={"settings": {"encrypted": True}})
    assert desk.arrive(*desk.send(plain, b"hello")) == "rejected"
    assert desk.state(ada, plain["file"]["id"]) == ("rejected", "not_allowed")
    assert desk.arrive(*desk.send(version, b"newer")) == "rejected"
    assert desk.arrive(*desk.send(sealed, b"hello")) == "ready"
    with pytest.raises(Forbidden) as refused:
        desk.begin(ada, b"newest", replaces=before)
    assert refused.value.stable_code == "encrypted_conversation"
    assert desk.begin(ada, b"sealed", replaces=before, content_type=desk.BYTES)["file"]["version"] == 2


def test_plain_uploads_under_way_end_as_their_conversation_becomes_encrypted() -> None:
    ada, bob = people("ada", "bob")
    group = rooms.group(ada, bob)
    plain, sealed = (desk.begin(ada, conversation_id=group, content_type=kind) for kind in (desk.TEXT, desk.BYTES))
    conversations.change(caller=ada, conversation_id=group, fields={"settings": {"encrypted": True}})
    settle_losses()
    assert _gone(ada, plain["file"]["id"])
    assert not _gone(ada, sealed["file"]["id"])
    assert desk.usage(ada).taken == 5
