"""Whoever loses a right loses what goes on by it: calls, what they scheduled, what they are typing (R52).

Sources: element-web 25681, bigbluebutton 2583 (removed, still in the call); azure-sdk-for-js 35413 (blocked in a direct
call); element-web 16725, spreed 2966 (signed out while in a call); and scheduled messages of who was removed and is
back. How a right is lost is one table, so that each way is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts import admin_api as admins
from accounts import sessions
from calls import service as calls
from calls import store as call_store
from conversations import service as conversations
from conversations.api import note_of_block
from drive import store
from drive.files import folders
from drive.files import service as files
from drive.sharing import blocked_shares
from drive.sharing import service as sharing
from kernel import after_commit, clock
from kernel.after_commit import FollowUp
from kernel.caller import Caller
from kernel.errors import NotFound
from kernel.transactions import Transaction
from log import api as log
from log.losses import forget_loss
from messages import drafts, scheduled, typing_notice
from messages import service as messages
from messages.consumers import send_scheduled
from messages.schemas import MessageFields
from tests.helpers import CONTEXT
from tests.integration import desk
from tests.integration.calls.calling import connected, device, join, ring, states, stored
from tests.integration.calls.conftest import _deployed
from tests.integration.following import settle_losses
from tests.integration.rooms import add, direct, group, people, remove, send, whole_log
from tests.management import Management
from users import relations

__all__ = ["_deployed"]


def _signed_in(who: Caller) -> Caller:
    """Somebody on a device whose session stands in the table."""
    transaction = Transaction()
    tokens = sessions.stage_new(transaction, user_id=who.user_id, device_name=None, ip="192.0.2.1")
    transaction.commit()
    return Caller(who.user_id, tokens.session_id, who.connection_id)


def _block(who: Caller, other: Caller) -> None:
    """What PUT /users/me/blocks/{user_id} does."""
    noting = note_of_block(who.user_id, other.user_id, True)
    relations.block(user_id=who.user_id, other_id=other.user_id, stage=noting.stage)
    noting.complete()


def _unblock(who: Caller, other: Caller) -> None:
    noting = note_of_block(who.user_id, other.user_id, False)
    relations.unblock(user_id=who.user_id, other_id=other.user_id, stage=noting.stage)
    noting.complete()


def _ends(who: Caller, conversation_id: str) -> None:
    conversations.delete(caller=who, conversation_id=conversation_id)


# --- calls: the conversation is lost --------------------------------------------------------------------------

LOSING_A_GROUP: dict[str, Callable[[Caller, Caller, str], None]] = {
    "removed": lambda ada, bob, tea: remove(ada, tea, bob),
    "left": lambda ada, bob, tea: remove(bob, tea, bob),
}


# the same, and the group itself: what stood on it ends for everybody
LOSING_IT_ALL: dict[str, Callable[[Caller, Caller, str], None]] = {
    **LOSING_A_GROUP,
    "the group deleted": lambda ada, _, tea: _ends(ada, tea),
}


@pytest.mark.parametrize("how", LOSING_A_GROUP)
def test_who_is_a_member_no_more_is_out_of_the_call_at_once_and_all_are_told(how: str, management: Management) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    tea = group(ada, bob, cleo)
    connected(bob, "b1"), connected(device(bob), "b2"), connected(cleo, "c1")
    call = ring(ada, tea)
    join(bob, call)
    LOSING_A_GROUP[how](ada, bob, tea)
    management.posts.clear()
    settle_losses()

    assert states(calls.get(caller=ada, call_id=call["id"]))[:2] == ["joined", "left"]
    assert management.kinds("b1") == management.kinds("b2") == ["call.ended"]
    (ended,) = management.frames("b1")
    assert (ended["data"]["state"], ended["data"]["end_reason"]) == ("ended", "completed")
    (told,) = [each["data"] for each in management.frames("c1") if each["type"] == "call.updated"]
    assert (told["state"], states(told)[1]) == ("active", "left")
    assert call_store.in_another_call([bob.user_id]) == set()


def test_what_is_told_twice_or_late_puts_nobody_out_who_has_come_back() -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    call = ring(ada, tea)
    join(bob, call)
    remove(ada, tea, bob)
    settle_losses()
    with clock.held(clock.now()) as advance:
        advance(clock.SECOND)
        add(ada, tea, bob)
        advance(clock.SECOND)
        join(bob, call)
        settle_losses()  # the whole stream again
        assert states(calls.get(caller=ada, call_id=call["id"])) == ["joined", "joined"]


def test_it_rings_no_more_for_who_was_removed_and_the_call_ends_when_nobody_is_left_to_answer() -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    call = ring(ada, tea)
    remove(ada, tea, bob)
    settle_losses()
    now = calls.get(caller=ada, call_id=call["id"])
    assert (now["state"], states(now)) == ("ended", ["left", "missed"])


def test_a_call_ends_with_its_group_and_leaves_nobody_busy(management: Management) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    tea = group(ada, bob, cleo)
    for each, name in ((ada, "a1"), (bob, "b1"), (cleo, "c1")):
        connected(each, name)
    call = ring(ada, tea)
    join(bob, call)
    conversations.delete(caller=ada, conversation_id=tea)
    management.posts.clear()
    settle_losses()

    assert stored(call).ended
    assert call_store.in_another_call([ada.user_id, bob.user_id]) == set()
    for name in ("a1", "b1", "c1"):
        assert management.kinds(name) == ["call.ended"]


def test_a_direct_call_ends_when_one_blocks_the_other(management: Management) -> None:
    ada, bob = people("ada", "bob")
    call = ring(ada, direct(ada, bob))
    join(bob, call)
    connected(ada, "a1"), connected(bob, "b1")
    _block(ada, bob)
    settle_losses()

    ended = stored(call)
    assert (ended.state, ended.end_reason) == ("ended", "completed")
    assert {kinds[-1] for kinds in (management.kinds("a1"), management.kinds("b1"))} == {"call.ended"}


# --- files: one blocks the other ------------------------------------------------------------------------------


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
    _block(ada, bob)
    blocked_at = clock.now()
    settle_losses()

    assert not _sees(bob, hers)
    assert not _sees(ada, his)
    assert _sees(cleo, hers)
    assert _sees(cleo, his)
    assert _roles(bob) == {}
    # and it stays so; what is shared since the block was lifted holds, even if the block is heard of once more
    advance(clock.MINUTE)
    _unblock(ada, bob)
    assert not _sees(bob, hers)
    _shared(ada, hers, bob)
    settle_losses()
    blocked_shares.revoke_between(log.ContactChanged(ada.user_id, bob.user_id, True, None, blocked_at))
    assert _sees(bob, hers)


def test_what_is_shared_again_before_a_block_is_heard_of_stays(advance: Callable[[int], None]) -> None:
    ada, bob = people("ada", "bob")
    hers = desk.put(ada)
    _shared(ada, hers, bob)
    _block(ada, bob)
    advance(clock.MINUTE)
    _unblock(ada, bob)
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
    _block(ada, bob)
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
    _block(ada, bob)
    settle_losses()

    assert _roles(bob) == dict.fromkeys((sent, shared_before, shared_after), "viewer")


# --- calls: the session is lost -------------------------------------------------------------------------------


LOSING_A_SESSION: dict[str, Callable[[Caller, Caller], object]] = {
    "signed out": lambda who, _: sessions.end_current(who),
    "signed out everywhere": lambda who, _: sessions.end_all(who.user_id, reason="logout"),
    "session removed": lambda who, _: sessions.end_one(user_id=who.user_id, session_id=who.session_id),
    "password changed on another device": lambda who, other: sessions.end_all(
        who.user_id, reason="password_changed", but=other.session_id
    ),
    "password reset": lambda who, _: sessions.end_all(who.user_id, reason="password_reset"),
    "account banned": lambda who, _: admins.ban(user_id=who.user_id, by="usr_admin", reason="spam", until=None),
    "account erased": lambda who, _: FollowUp.of(admins.END_ERASED, {"user_id": who.user_id}).carry_out(),
}


@pytest.mark.parametrize("how", LOSING_A_SESSION)
def test_a_participant_leaves_with_the_session_and_the_next_device_may_join(how: str, management: Management) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    desk = _signed_in(bob)
    call = ring(ada, group(ada, bob, cleo))
    join(bob, call)
    connected(ada, "a1")
    LOSING_A_SESSION[how](bob, desk)
    settle_losses()

    now = calls.get(caller=ada, call_id=call["id"])
    assert (now["state"], states(now)) == ("active", ["joined", "left", "ringing"])
    assert "call.updated" in management.kinds("a1")
    assert states(join(device(bob), call)["call"])[1] == "joined"


def test_another_session_s_end_leaves_the_call_alone() -> None:
    ada, bob = people("ada", "bob")
    desk = _signed_in(bob)
    call = ring(ada, group(ada, bob))
    join(bob, call)
    sessions.end_current(desk)
    settle_losses()
    assert states(calls.get(caller=ada, call_id=call["id"])) == ["joined", "joined"]


# --- what was scheduled ---------------------------------------------------------------------------------------


@pytest.fixture
def advance() -> Iterator[Callable[[int], None]]:
    with clock.held(clock.now()) as advancing:
        yield advancing


def _schedule(who: Caller, conversation_id: str, text: str = "later") -> dict[str, Any]:
    body = MessageFields(client_id=text, text=text)
    at = clock.now() + clock.MINUTE
    kept, _ = scheduled.schedule(caller=who, conversation_id=conversation_id, fields=body, send_at=at)
    return kept


def _fire(who: Caller, kept: dict[str, Any]) -> None:
    about = {"user_id": who.user_id, "conversation_id": kept["conversation_id"], "scheduled_id": kept["id"]}
    send_scheduled.handler(about, CONTEXT)


def _listed(who: Caller, conversation_id: str) -> list[tuple[str, str, str | None]]:
    found = scheduled.list_scheduled(caller=who, conversation_id=conversation_id, limit=9, page=None).items
    return [(each["text"], each["state"], each["reason"]) for each in found]


def _texts(conversation_id: str) -> list[str | None]:
    return [event.text for event in whole_log(conversation_id) if event.is_message]


@pytest.mark.parametrize("how", LOSING_IT_ALL)
def test_what_a_member_had_scheduled_ends_at_once_and_is_told_as_failed(
    how: str, management: Management, advance: Callable[[int], None]
) -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    connected(bob, "b1")
    _schedule(bob, tea)
    advance(1)
    LOSING_IT_ALL[how](ada, bob, tea)
    management.posts.clear()
    settle_losses()
    settle_losses()

    assert _listed(bob, tea) == [("later", "failed", "not_found")]
    (told,) = [each for each in management.frames("b1") if each["type"] == "scheduled.failed"]
    assert (told["data"]["text"], told["data"]["reason"]) == ("later", "not_found")


@pytest.mark.parametrize("is_settled", [True, False])
def test_what_was_scheduled_does_not_come_back_with_the_member(
    is_settled: bool, advance: Callable[[int], None]
) -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    kept = _schedule(bob, tea)
    advance(1)
    remove(ada, tea, bob)
    if is_settled:
        settle_losses()
    add(ada, tea, bob)
    advance(1)
    _schedule(bob, tea, "since")
    if is_settled:
        settle_losses()  # the whole stream again
    advance(clock.MINUTE)
    _fire(bob, kept)

    assert _texts(tea) == []
    assert _listed(bob, tea) == [("later", "failed", "not_found"), ("since", "pending", None)]


def test_what_was_scheduled_between_two_ends_with_a_block(advance: Callable[[int], None]) -> None:
    ada, bob = people("ada", "bob")
    chat, tea = direct(ada, bob), group(ada, bob)
    for who in (ada, bob):
        _schedule(who, chat)
    _schedule(bob, tea)
    _block(ada, bob)
    settle_losses()
    assert _listed(ada, chat) == [("later", "failed", "blocked")]
    assert _listed(bob, chat) == [("later", "failed", "not_found")]
    assert _listed(bob, tea) == [("later", "pending", None)]


@pytest.mark.parametrize(
    ("lose", "reason"),
    [(LOSING_A_SESSION["account banned"], "account_banned"), (LOSING_A_SESSION["account erased"], "account_erased")],
)
def test_nothing_is_sent_for_who_may_not_act_any_more(
    lose: Callable[[Caller, Caller], None], reason: str, advance: Callable[[int], None]
) -> None:
    ada, bob = people("ada", "bob")
    tea, chat = group(ada, bob), direct(ada, bob)
    _schedule(bob, tea), _schedule(bob, chat)
    lose(bob, bob)
    settle_losses()
    assert _listed(bob, tea) == _listed(bob, chat) == [("later", "failed", reason)]


# --- what somebody writes -------------------------------------------------------------------------------------


def _typing(who: Caller, conversation_id: str, *, is_typing: bool = True) -> None:
    typing_notice.typing(caller=who, conversation_id=conversation_id, is_typing=is_typing)


def _seen_typing(management: Management, connection_id: str) -> list[bool]:
    return [each["data"]["typing"] for each in management.frames(connection_id) if each["type"] == "typing"]


@pytest.mark.parametrize("how", LOSING_A_GROUP)
def test_who_is_a_member_no_more_types_no_more_and_has_no_draft(
    how: str, management: Management, redis: Any, advance: Callable[[int], None]
) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    tea = group(ada, bob, cleo)
    connected(cleo, "c1")
    drafts.keep(caller=bob, conversation_id=tea, text="so", reply_to=None, thread_root=None, written_at=None)
    _typing(bob, tea)
    advance(1)
    LOSING_A_GROUP[how](ada, bob, tea)
    settle_losses()
    settle_losses()
    assert _seen_typing(management, "c1") == [True, False]
    add(ada, tea, bob)
    assert drafts.list_drafts(caller=bob, limit=9, page=None).items == []


def test_a_draft_of_a_member_who_is_back_stays(redis: Any, advance: Callable[[int], None]) -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    remove(ada, tea, bob)
    advance(1)
    add(ada, tea, bob)
    drafts.keep(caller=bob, conversation_id=tea, text="so", reply_to=None, thread_root=None, written_at=None)
    settle_losses()
    assert [each.text for each in drafts.list_drafts(caller=bob, limit=9, page=None).items] == ["so"]


def test_neither_of_two_sees_the_other_type_after_a_block(management: Management, redis: Any) -> None:
    ada, bob = people("ada", "bob")
    chat = direct(ada, bob)
    connected(ada, "a1")
    _typing(bob, chat)
    _block(ada, bob)
    settle_losses()
    assert _seen_typing(management, "a1") == [True, False]


# --- what is being uploaded -----------------------------------------------------------------------------------


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


# --- durable --------------------------------------------------------------------------------------------------


def test_what_the_process_could_not_tell_is_told_by_the_sweep(settings: pytest.MonkeyPatch) -> None:
    ada, bob = people("ada", "bob")
    call = ring(ada, direct(ada, bob))
    join(bob, call)
    noting = note_of_block(ada.user_id, bob.user_id, True)
    relations.block(user_id=ada.user_id, other_id=bob.user_id, stage=noting.stage)  # and here the process ends
    with clock.held(clock.now()) as advance:
        advance(after_commit.GRACE_MS + 1)
        after_commit.sweep(patience_s=5)
    settle_losses()
    assert stored(call).ended


def test_one_that_fails_keeps_none_of_the_others() -> None:
    done: list[str] = []

    def fails(_: log.SessionsLost) -> None:
        raise ConnectionError

    log.on_loss(log.SessionsLost, "fails", fails)
    log.on_loss(log.SessionsLost, "works", lambda loss: done.append(loss.user_id))
    try:
        with pytest.raises(ConnectionError):
            log.handle_loss(log.SessionsLost("usr_1", [], 1))
    finally:
        forget_loss(log.SessionsLost, "fails")
        forget_loss(log.SessionsLost, "works")
    assert done == ["usr_1"]
