"""That somebody types ends with what they typed: the end comes with the message, not seconds after it.

Source: what people of chat systems report as "still typing" after the message is there.
"""

from __future__ import annotations

from typing import Any

from kernel import clock
from kernel.caller import Caller
from messages import typing_notice
from messages.model import TYPING_RELAY_MS
from tests.field.test_blocks import _blocked_after
from tests.integration.calls.calling import connected
from tests.integration.calls.conftest import _deployed
from tests.integration.following import settle_losses
from tests.integration.rooms import group, people, send, work
from tests.management import Management

__all__ = ["_deployed"]


def _types(who: Caller, conversation_id: str, *, is_typing: bool = True) -> None:
    typing_notice.typing(caller=who, conversation_id=conversation_id, is_typing=is_typing)


def _shown(management: Management, connection_id: str) -> list[Any]:
    kinds = {"typing": lambda it: it["data"]["typing"], "message.created": lambda it: it["data"]["text"]}
    return [kinds[each["type"]](each) for each in management.frames(connection_id) if each["type"] in kinds]


def test_the_end_of_typing_goes_with_the_message_in_one_post(management: Management, redis: Any) -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    connected(ada, "a1"), connected(bob, "b1")
    _types(bob, tea)
    send(bob, tea, "hello")
    assert _shown(management, "a1") == [True, "hello", False]
    assert len(management.posts["a1"]) == 2
    assert _shown(management, "b1") == ["hello"]
    work()  # the reminder of its end has nothing to tell any more
    assert _shown(management, "a1") == [True, "hello", False]


def test_who_types_on_after_a_message_is_shown_to_type(management: Management, redis: Any) -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    connected(ada, "a1")
    with clock.held(clock.now()) as advance:
        _types(bob, tea)
        send(bob, tea, "hello")
        _types(bob, tea)  # within the 2 s in which one relay goes out: held back
        advance(TYPING_RELAY_MS)
        work()
    assert _shown(management, "a1") == [True, "hello", False, True]


def test_a_message_of_somebody_who_does_not_type_is_alone(management: Management, redis: Any) -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    connected(ada, "a1")
    send(bob, tea, "hello")
    assert _shown(management, "a1") == ["hello"]


def test_in_a_large_group_it_follows_the_message(management: Management, redis: Any) -> None:
    ada, bob, *others = people("ada", "bob", *(f"member{n:02}" for n in range(20)))
    tea = group(ada, bob, *others)
    connected(ada, "a1"), connected(bob, "b1")
    _types(bob, tea)
    send(bob, tea, "hello")
    work()
    assert sorted(map(str, _shown(management, "a1"))) == ["False", "True", "hello"]
    assert _shown(management, "b1") == ["hello"]


def test_across_a_block_neither_is_shown(management: Management, redis: Any) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    tea = _blocked_after(ada, bob, cleo)
    settle_losses()
    connected(ada, "a1"), connected(cleo, "c1")
    _types(bob, tea)
    send(bob, tea, "hello")
    assert _shown(management, "a1") == ["hello"]
    assert _shown(management, "c1") == [True, "hello", False]
