"""Whoever loses a right loses what they shared, or were uploading, by it (R52)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drive import store
from drive.files import folders
from drive.files import service as files
from drive.sharing import blocked_shares
from drive.sharing import service as sharing
from kernel import clock
from kernel.caller import Caller
from kernel.errors import NotFound
from log import api as log
from messages import service as messages
from tests.field.losing import LOSING_A_SESSION, LOSING_IT_ALL, block, unblock
from tests.integration import desk
from tests.integration.following import settle_losses
from tests.integration.rooms import direct, group, people, send


def _shared(owner: Caller, node_id: str, other: Caller | str) -> None:
    """Share a file or a folder with a person or a conversation."""
    user_id, conversation_id = (None, other) if isinstance(other, str) else (other.user_id, None)
    given: dict[str, Any] = {"user_id": user_id, "conversation_id": conversation_id, "role": "editor"}
    sharing.share(caller=owner, node_id=node_id, file=node_id.startswith("fil_"), **given)


def _roles(who: Caller) -> dict[str, str]:
    """What is shared with somebody, and as what."""
    return {each["id"]: each["role"] for each in sharing.shared_with_me(caller=who, limit=9, after=None).items}


def _sees(who: Caller, file_id: str) -> bool:
    try:
        return bool(files.download(caller=who, file_id=file_id))
    except NotFound:
        return False


def test_what_two_have_shared_with_each_other_is_shared_no_more_after_a_block(advance: Callable[[int], None]) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    hers, his = desk.put(ada), desk.put(bob)
    for owner, file_id, other in ((ada, hers, bob), (ada, hers, cleo), (bob, his, ada), (bob, his, cleo)):
        _shared(owner, file_id, other)
    assert _sees(bob, hers)
    assert _sees(ada, his)
    block(ada, bob)
    blocked_at = clock.now()
    settle_losses()

    assert not _sees(bob, hers)
    assert not _sees(ada, his)
    assert _sees(cleo, hers)
    assert _sees(cleo, his)
    assert _roles(bob) == {}
    # and it stays so; what is shared since the block was lifted holds, even if the block is heard of once more
    advance(clock.MINUTE)
    unblock(ada, bob)
    assert not _sees(bob, hers)
    _shared(ada, hers, bob)
    settle_losses()
    blocked_shares.revoke_between(log.ContactChanged(ada.user_id, bob.user_id, True, None, blocked_at))
    assert _sees(bob, hers)


def test_what_is_shared_again_before_a_block_is_heard_of_stays(advance: Callable[[int], None]) -> None:
    ada, bob = people("ada", "bob")
    hers = desk.put(ada)
    _shared(ada, hers, bob)
    block(ada, bob)
    advance(clock.MINUTE)
    unblock(ada, bob)
    _shared(ada, hers, bob)
    settle_losses()
    assert _sees(bob, hers)


def test_what_either_shares_with_their_chat_by_hand_ends_with_a_block(advance: Callable[[int], None]) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    chat, tea = direct(ada, bob), group(ada, bob, cleo)
    ours = folders.create(caller=ada, name="ours", parent_id=None)["id"]
    his, for_all = desk.put(bob), desk.put(ada)
    for owner, node_id, conversation_id in ((ada, ours, chat), (bob, his, chat), (ada, for_all, tea)):
        _shared(owner, node_id, conversation_id)
    advance(clock.SECOND)
    block(ada, bob)
    settle_losses()

    assert not _sees(bob, desk.put(ada, folder_id=ours))
    with pytest.raises(NotFound):
        desk.begin(bob, folder_id=ours)
    assert not _sees(ada, his)
    assert _roles(bob) == {for_all: "editor"}


def test_of_files_that_messages_have_attached_a_block_ends_what_was_shared_by_hand() -> None:
    ada, bob = people("ada", "bob")
    chat = direct(ada, bob)
    sent, shared_before, shared_after, taken_back = (desk.put(ada) for _ in range(4))
    _shared(ada, shared_before, chat)
    send(ada, chat, attachment_ids=[sent, shared_before, shared_after])
    message = send(ada, chat, "oh no", attachment_ids=[taken_back])
    for file_id in (shared_after, taken_back):
        _shared(ada, file_id, chat)
    messages.delete(caller=ada, conversation_id=chat, message_id=message["id"])
    assert _roles(bob) == {sent: "viewer", **dict.fromkeys((shared_before, shared_after, taken_back), "editor")}
    block(ada, bob)
    settle_losses()

    assert _roles(bob) == dict.fromkeys((sent, shared_before, shared_after), "viewer")


def _upload(who: Caller, conversation_id: str | None, name: str) -> str:
    content = desk.picture(8, 8)
    begun = desk.begin(who, content, name=name, content_type="image/png", conversation_id=conversation_id)
    return str(begun["file"]["id"])


@pytest.mark.parametrize("how", LOSING_IT_ALL)
def test_an_upload_into_a_conversation_ends_with_the_membership_and_its_room_is_free(
    how: str, advance: Callable[[int], None]
) -> None:
    ada, bob = people("ada", "bob")
    tea, own = group(ada, bob), None
    lost, kept = _upload(bob, tea, "a.png"), _upload(bob, own, "b.png")
    taken = desk.usage(bob).taken
    advance(1)
    LOSING_IT_ALL[how](ada, bob, tea)
    settle_losses()
    settle_losses()
    assert [store.node_access(each) is None for each in (lost, kept)] == [True, False]
    assert desk.usage(bob).taken == taken // 2


def test_uploads_end_with_the_account(advance: Callable[[int], None]) -> None:
    (bob,) = people("bob")
    _upload(bob, None, "a.png")
    LOSING_A_SESSION["account banned"](bob, bob)
    settle_losses()
    assert desk.usage(bob).taken == 0
