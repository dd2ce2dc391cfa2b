"""In a group that both are in, nothing of one calls for the other's attention when one has blocked the other; the
messages themselves stay in the log.

Sources: simplex-chat 7303, element-web 6552 (mentions, typing, calls); element-hq/synapse 18077 (read receipts), 18479
and 18209 (invitations by who is blocked).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from calls import service as calls
from conversations import members
from conversations import service as conversations
from kernel.caller import Caller
from messages import service as messages
from messages import typing_notice
from messages.reading import receipts
from notifications import service as notifications
from notifications.consumers import follow as notifying
from tests.field.losing import block, unblock
from tests.integration.calls.calling import connected, states
from tests.integration.calls.conftest import _deployed
from tests.integration.following import follow, settle_losses
from tests.integration.rooms import add, group, people, place_of, remove, send, work
from tests.management import Management
from tests.tools import jobs, rows
from users.model import NoticeKind, receives

__all__ = ["_deployed"]


def _blocked_after(ada: Caller, bob: Caller, *others: Caller) -> str:
    tea = group(ada, bob, *others)
    block(ada, bob)
    return tea


def _came_later(ada: Caller, bob: Caller, *others: Caller) -> str:
    tea = group(ada, *others)
    block(ada, bob)
    add(others[0], tea, bob)
    return tea


def _made_by_another(ada: Caller, bob: Caller, *others: Caller) -> str:
    block(ada, bob)
    return group(others[0], ada, bob, *others[1:])


WAYS: dict[str, Callable[..., str]] = {
    "blocked after the group was made": _blocked_after,
    "blocked, and then brought in by another": _came_later,
    "blocked before another made the group": _made_by_another,
}


@pytest.fixture(params=WAYS)
def cast(request: pytest.FixtureRequest) -> tuple[Caller, Caller, Caller, str]:
    """Ada, who has blocked Bob; Bob; Cleo; and a group of theirs."""
    ada, bob, cleo = people("ada", "bob", "cleo")
    tea = WAYS[request.param](ada, bob, cleo)
    settle_losses()
    jobs()
    return ada, bob, cleo, tea


def _mentions(who: Caller, conversation_id: str) -> tuple[int, int]:
    shown = conversations.get(caller=who, conversation_id=conversation_id)
    return shown["unread_count"], shown["unread_mentions"]


def test_a_mention_gives_no_badge_and_the_message_stays(cast: tuple[Caller, Caller, Caller, str]) -> None:
    ada, bob, cleo, tea = cast
    said = send(bob, tea, "@ada @cleo hello")
    assert _mentions(ada, tea) == (1, 0)
    assert _mentions(cleo, tea) == (1, 1)
    assert messages.get(caller=ada, conversation_id=tea, message_id=said["id"])["text"] == "@ada @cleo hello"
    send(cleo, tea, "@ada hello")
    assert _mentions(ada, tea) == (2, 1)


def test_it_works_both_ways(cast: tuple[Caller, Caller, Caller, str]) -> None:
    ada, bob, _, tea = cast
    send(ada, tea, "@bob hello")
    assert _mentions(bob, tea) == (1, 0)


def test_typing_is_not_shown_to_the_other(cast: tuple[Caller, Caller, Caller, str], management: Management) -> None:
    ada, bob, cleo, tea = cast
    connected(ada, "a1"), connected(cleo, "c1")
    typing_notice.typing(caller=bob, conversation_id=tea, is_typing=True)
    assert (management.kinds("a1"), management.kinds("c1")) == ([], ["typing"])


def test_receipts_are_neither_told_nor_listed_to_the_other(
    cast: tuple[Caller, Caller, Caller, str], management: Management
) -> None:
    ada, bob, cleo, tea = cast
    seq = send(cleo, tea, "hello")["seq"]
    connected(ada, "a1"), connected(cleo, "c1")
    receipts.mark_read(caller=bob, conversation_id=tea, seq=seq)
    work()
    assert [management.kinds(name).count("receipt.updated") for name in ("a1", "c1")] == [0, 1]
    for who, other, shown in ((ada, bob, 0), (bob, ada, 0), (cleo, bob, seq)):
        listed = receipts.list_receipts(caller=who, conversation_id=tea, seq=None, limit=9, page=None)["items"]
        assert {each["user_id"]: each["read_seq"] for each in listed}[other.user_id] == shown


def test_a_group_call_does_not_ring_for_the_other_who_may_still_join(
    cast: tuple[Caller, Caller, Caller, str], management: Management
) -> None:
    ada, bob, cleo, tea = cast
    connected(ada, "a1"), connected(cleo, "c1")
    call, _ = calls.start(caller=bob, conversation_id=tea, client_id="c", media="video")
    assert {each["user_id"] for each in call["participants"]} == {bob.user_id, cleo.user_id}
    assert "call.ringing" not in management.kinds("a1")
    assert "call.ringing" in management.kinds("c1")
    assert states(calls.join(caller=ada, call_id=call["id"])["call"]) == ["joined", "ringing", "joined"]


def test_neither_mention_nor_reply_is_listed_for_the_other(cast: tuple[Caller, Caller, Caller, str]) -> None:
    ada, bob, cleo, tea = cast
    follow(notifying.handler, queue="follow")
    mine = send(ada, tea, "what?")
    send(bob, tea, "@ada this", reply_to=mine["id"])
    send(cleo, tea, "and this", reply_to=mine["id"])
    follow(notifying.handler, queue="follow")
    page, _ = notifications.list_notices(caller=ada, limit=9, cursor=None)
    about = [(each["kind"], each["actor_id"]) for each in page.items if each["kind"] in ("mention", "reply")]
    assert about == [("reply", cleo.user_id)]


def test_who_is_blocked_brings_the_other_into_no_group_and_is_not_heard_of_as_inviting() -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    tea = group(bob, ada, cleo)
    remove(ada, tea, ada)
    block(ada, bob)
    settle_losses()
    follow(notifying.handler, queue="follow")
    told = len(notifications.list_notices(caller=ada, limit=9, cursor=None)[0].items)
    added, _ = members.add(caller=bob, conversation_id=tea, user_ids=[ada.user_id])
    group(bob, ada, cleo, name="Other")
    follow(notifying.handler, queue="follow")
    assert added == []
    assert conversations.list_conversations(caller=ada, limit=9, after=None).items == []
    assert len(notifications.list_notices(caller=ada, limit=9, cursor=None)[0].items) == told


def test_when_the_block_is_lifted_all_is_heard_again(cast: tuple[Caller, Caller, Caller, str]) -> None:
    ada, bob, _, tea = cast
    unblock(ada, bob)
    settle_losses()
    send(bob, tea, "@ada hello")
    assert _mentions(ada, tea) == (1, 1)
    assert place_of(ada, tea).apart == place_of(bob, tea).apart == frozenset()


def test_a_block_of_either_of_two_parts_them(cast: tuple[Caller, Caller, Caller, str]) -> None:
    ada, bob, _, tea = cast
    block(bob, ada)
    settle_losses()
    unblock(ada, bob)
    settle_losses()
    assert place_of(ada, tea).apart == {bob.user_id}


def test_nobody_s_membership_names_who_has_left(cast: tuple[Caller, Caller, Caller, str]) -> None:
    _, bob, _, tea = cast
    remove(bob, tea, bob)
    settle_losses()
    named = [row for row in rows("members") if bob.user_id in row.get("apart", ())]
    assert named == []


def test_in_a_large_group_the_fan_out_leaves_the_other_out(management: Management) -> None:
    ada, bob, *others = people("ada", "bob", *(f"member{n:02}" for n in range(20)))
    tea = _blocked_after(ada, bob, *others)
    settle_losses()
    jobs()
    connected(ada, "a1"), connected(others[0], "o1")
    typing_notice.typing(caller=bob, conversation_id=tea, is_typing=True)
    calls.start(caller=bob, conversation_id=tea, client_id="c", media="audio")
    work()
    assert {"typing", "call.ringing"} & set(management.kinds("a1")) == set()
    assert {"typing", "call.ringing"} <= set(management.kinds("o1"))
    assert "message.created" in management.kinds("a1")


@pytest.mark.parametrize("what", sorted({*get_args(NoticeKind)} - {"message"}))
def test_only_messages_pass_a_block(what: Any) -> None:
    assert not receives(what, "usr_b", apart={"usr_b"})
    assert receives(what, "usr_c", apart={"usr_b"})
    assert receives("message", "usr_b", apart={"usr_b"})
    assert receives(what, None, apart={"usr_b"})


def test_only_one_function_decides_what_a_block_withholds() -> None:
    """Outside of `users`, only the code that keeps notes of blocks in conversations reads blocks."""
    functions = Path(__file__).resolve().parents[2] / "functions"
    looks = re.compile(r"users\.(blocks_between|blockers_among|blocked_ids)\b|\.(blocked_by|apart)\b")
    found = {str(path.relative_to(functions)) for path in functions.rglob("*.py") if looks.search(path.read_text())}
    assert {each for each in found if not each.startswith("users/")} == {
        "conversations/block_notes.py",
        "conversations/member_blocks.py",
        "conversations/model.py",
        "conversations/store.py",
        "messages/reading/unread_store.py",  # reads less for members without blocks
    }
