"""What is counted for somebody follows what stands: a deleted message counts no more, nor a mention that was taken out;
one that an edit brings does.

Sources: Rocket.Chat 21404 (a deleted message stays counted), nextcloud/spreed 13286 (the mention of a deleted message
stays), zulip 14544 (a mention that was edited out stays), mattermost 34859 (one that was edited in is missed; here it
is counted, and no device is woken for an edit).
"""

from __future__ import annotations

import pytest

from kernel.caller import Caller
from messages import service as messages
from tests.field.test_blocks import _mentions
from tests.integration.rooms import group, people, send


@pytest.fixture
def cast() -> tuple[Caller, Caller, str]:
    ada, bob = people("ada", "bob")
    return ada, bob, group(ada, bob)


def test_a_deleted_message_is_counted_no_more_nor_its_mention(cast: tuple[Caller, Caller, str]) -> None:
    ada, bob, tea = cast
    send(bob, tea, "hello")
    said = send(bob, tea, "@ada look")
    assert _mentions(ada, tea) == (2, 1)
    messages.delete(caller=bob, conversation_id=tea, message_id=said["id"])
    assert _mentions(ada, tea) == (1, 0)


def test_a_mention_is_counted_as_the_text_stands(cast: tuple[Caller, Caller, str]) -> None:
    ada, bob, tea = cast
    said = send(bob, tea, "@ada look")
    for text, mentions in (("look", 0), ("@ada look again", 1), ("`@ada` is her name", 0)):
        messages.edit(caller=bob, conversation_id=tea, message_id=said["id"], text=text)
        assert _mentions(ada, tea) == (1, mentions)
