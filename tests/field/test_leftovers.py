"""What somebody leaves behind goes on working for the others, and what is deleted shows nothing by another way.

Sources: nextcloud/spreed 8881 (no reaction to a message of who has left), 8342 (the results of a deleted poll are
shown), 3601 (a group whose moderators leave has none); mattermost 34270 (who was removed reads on by the API).
"""

from __future__ import annotations

import pytest

from conversations import members
from conversations import service as conversations
from kernel.errors import NotFound
from messages import service as messages
from messages.changes import reactions
from polls import service as polls
from tests.integration.polls.ballot_boxes import ask, look, vote
from tests.integration.rooms import group, people, place_of, remove, send


def test_a_message_of_who_has_left_takes_reactions() -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    tea = group(ada, bob, cleo)
    said = send(bob, tea, "goodbye")
    remove(bob, tea, bob)
    reactions.react(caller=cleo, conversation_id=tea, message_id=said["id"], emoji="👋", added=True)
    shown = messages.get(caller=ada, conversation_id=tea, message_id=said["id"])
    assert [(each["emoji"], each["count"]) for each in shown["reactions"]] == [("👋", 1)]


def test_a_group_whose_owners_leave_one_after_the_other_has_an_owner() -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    tea = group(ada, bob, cleo)
    members.change_role(caller=ada, conversation_id=tea, user_id=bob.user_id, role="owner")
    remove(ada, tea, ada)
    remove(bob, tea, bob)
    assert place_of(cleo, tea).role == "owner"


def test_who_was_removed_reads_nothing_any_more_by_any_way() -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    said = send(ada, tea, "before")
    remove(ada, tea, bob)
    send(ada, tea, "after")
    with pytest.raises(NotFound):
        conversations.get(caller=bob, conversation_id=tea)
    with pytest.raises(NotFound):
        messages.get(caller=bob, conversation_id=tea, message_id=said["id"])
    with pytest.raises(NotFound):
        messages.list_messages(caller=bob, conversation_id=tea, before=None, after=None, limit=9, page=None)


def test_of_a_deleted_poll_nothing_is_shown_and_no_vote_is_taken() -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    poll = ask(ada, tea)
    messages.delete(caller=ada, conversation_id=tea, message_id=poll["message_id"])
    assert polls.list_polls(caller=bob, conversation_id=tea, state=None, limit=9, after=None).items == []
    with pytest.raises(NotFound):
        look(bob, poll)
    with pytest.raises(NotFound):
        vote(bob, poll, "Tea")
