"""Summaries, replies, answers and moderation by the provider that needs no network."""

from __future__ import annotations

from typing import Any

import pytest

from assistant import digests, requests
from assistant.app import app
from assistant.model import AiDisabled, AiUnavailable, EncryptedConversation
from conversations import service as conversations
from kernel.caller import Caller
from kernel.errors import NotFound, ValidationFailed
from messages import service as messages
from tests.helpers import Person, Reply, someone
from tests.helpers import ask as call
from tests.integration import rooms
from tests.integration.assistant import desk
from tests.integration.following import follow


def test_a_summary_of_what_is_unread_cites_its_messages() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    sent = desk.say(tea, (ada, "Morning!"), (ada, "Decided: we take the bus."), (bob, "ok"))
    answer = desk.ask(bob, "summaries", conversation_id=tea)
    assert answer["result"] == "Decision: Decided: we take the bus. [1]"
    assert answer["citations"] == [{"message_id": sent[1]["id"], "seq": sent[1]["seq"], "conversation_id": tea}]
    assert (answer["provider"], answer["usage"]["cost_usd"]) == ("embedded", 0)
    assert answer["usage"]["input_tokens"] > 0


def test_what_is_read_deleted_edited_or_from_before_one_came_is_not_in_a_summary() -> None:
    ada, bob, cid = rooms.people("ada", "bob", "cid")
    tea = desk.group(ada, bob)
    desk.switched_on(cid)
    sent = desk.say(
        tea,
        (ada, "Decided: the secret plan starts on Monday."),
        (ada, "Decided: we sell the house in May."),
        (ada, "Decided: dinner is at 19:30."),
    )
    messages.delete(caller=ada, conversation_id=tea, message_id=sent[0]["id"])
    messages.edit(caller=ada, conversation_id=tea, message_id=sent[1]["id"], text="Decided: we keep the boat.")
    rooms.add(ada, tea, cid)
    everything = desk.ask(bob, "summaries", conversation_id=tea, after_seq=0, length="long")["result"]
    assert "secret" not in everything
    assert "house" not in everything
    assert "boat" in everything
    assert desk.ask(cid, "summaries", conversation_id=tea, after_seq=0)["result"] == "Nothing new."


def test_a_thread_is_summed_up_by_itself() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    root = rooms.send(ada, tea, "Where do we eat?")
    rooms.send(bob, tea, "Decided: the trip is in June.")
    rooms.send(bob, tea, "At the Thai place by the station", thread_root=root["id"])
    answer = desk.ask(ada, "summaries", conversation_id=tea, thread_root=root["id"])
    assert answer["result"] == "Question: Where do we eat? [1] → At the Thai place by the station [2]"


def test_a_choice_of_two_parts_is_refused() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    with pytest.raises(ValidationFailed):
        desk.ask(ada, "summaries", conversation_id=tea, after_seq=1, unread=True)


def test_an_answer_quotes_what_supports_it_and_says_when_nothing_does() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    sent = desk.say(tea, (ada, "When does the ferry leave?"), (bob, "At 6:40 from pier 3."))
    answer = desk.ask(ada, "answers", conversation_id=tea, question="What time does the ferry leave?")
    assert answer["result"] == "“At 6:40 from pier 3.” [1]"
    assert [each["message_id"] for each in answer["citations"]] == [sent[1]["id"]]
    nothing = desk.ask(ada, "answers", conversation_id=tea, question="Who insures the car?")
    assert nothing["citations"] == []
    assert nothing["result"].startswith("No support found")


def test_a_question_over_everything_reads_only_conversations_with_ai_help_that_are_one_s_own() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea, off = desk.group(ada, bob), rooms.group(ada, bob)
    foreign = desk.group(bob)
    for place, who in ((tea, ada), (off, ada), (foreign, bob)):
        desk.say(place, (who, f"The password of the boat is {place[-6:]}"))
    follow()
    answer = desk.ask(ada, "answers", question="What is the password of the boat?", conversation_id=None)
    assert {each["conversation_id"] for each in answer["citations"]} == {tea}


def test_three_replies_are_suggested() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    desk.say(tea, (bob, "When do we meet?"))
    found = desk.ask(ada, "replies", conversation_id=tea)["result"]["suggestions"]
    assert "How about tomorrow?" in found
    assert len(set(found)) == 3


def test_a_text_is_scored() -> None:
    (ada,) = rooms.people("ada")
    desk.switched_on(ada)
    result = desk.ask(ada, "moderations", text="You are such an idiot")["result"]
    assert result["flagged"] is True
    assert 0.5 <= result["categories"]["harassment"] <= 1


@pytest.mark.parametrize(
    ("feature", "fields"),
    [
        ("translations", {"text": "Guten Morgen", "target_language": "en", "message_id": None}),
        ("rewrites", {"text": "Come here.", "tone": "friendly"}),
    ],
)
def test_what_the_provider_does_not_have_is_refused_by_name(feature: Any, fields: dict[str, Any]) -> None:
    (ada,) = rooms.people("ada")
    desk.switched_on(ada)
    with pytest.raises(AiUnavailable) as refused:
        desk.ask(ada, feature, **fields)
    assert refused.value.status == 501
    assert feature in refused.value.text
    assert "embedded" in refused.value.text


def test_refusals_come_in_the_contract_s_order() -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    encrypted = rooms.group(ada, bob, settings={"encrypted": True})
    plain = rooms.group(ada, bob)
    for who, place, refusal in (
        (eve, encrypted, NotFound),
        (ada, encrypted, EncryptedConversation),
        (ada, plain, AiDisabled),
    ):
        with pytest.raises(refusal):
            desk.ask(who, "summaries", conversation_id=place)
    desk.switched_on(ada, eve)
    with pytest.raises(EncryptedConversation):
        desk.ask(ada, "summaries", conversation_id=encrypted)
    with pytest.raises(AiDisabled):  # the conversation has it off
        desk.ask(ada, "summaries", conversation_id=plain)
    with pytest.raises(NotFound):
        desk.ask(eve, "summaries", conversation_id=plain)


def test_a_feature_that_somebody_has_switched_off_is_refused() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    person = someone("cleo")
    changed = call(
        app, "PUT", "/ai/settings", body={"enabled": True, "features": {"replies": False}}, token=person.token
    )
    assert (changed.status, changed.body["features"]["replies"]) == (200, False)
    rooms.add(ada, tea, Caller(person.user_id, person.session_id))
    answer = call(app, "POST", "/ai/replies", body={"conversation_id": tea}, token=person.token)
    assert (answer.status, answer.code) == (403, "ai_disabled")


def test_a_message_of_one_s_own_conversations_is_found_by_its_id_alone() -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    tea = desk.group(ada, bob)
    message = rooms.send(bob, tea, "Guten Morgen")
    with pytest.raises(AiUnavailable):
        desk.ask(ada, "translations", message_id=message["id"], target_language="en", text=None)
    desk.switched_on(eve)
    with pytest.raises(NotFound):
        desk.ask(eve, "translations", message_id=message["id"], target_language="en", text=None)


def test_no_link_and_no_image_of_a_chat_comes_through() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    desk.say(tea, (ada, "Decided: the plan is at https://evil.example/x ![p](http://evil.example/p.png) [3]"))
    answer = desk.ask(bob, "summaries", conversation_id=tea)
    assert "evil" not in answer["result"]
    assert len(answer["citations"]) == 1


def test_a_digest_tells_the_most_important_first() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea, coffee = desk.group(ada, bob), desk.group(ada, bob)
    desk.say(tea, (ada, "Decided: we take the bus."), (ada, "ok"))
    rooms.send(ada, coffee, "Look at my draft please", mentions=[bob.user_id])
    found = digests.digest(bob)["conversations"]
    assert [(each["conversation_id"], each["unread"], each["mentions"]) for each in found] == [
        (coffee, 1, 1),
        (tea, 2, 0),
    ]
    assert found[1]["summary"] == "Decision: Decided: we take the bus. [1]"
    assert digests.digest(ada)["conversations"] == []


def test_switching_ai_help_leaves_a_system_message_that_stays() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    conversations.change(caller=ada, conversation_id=tea, fields={"settings": {"ai_enabled": True}})
    conversations.change(caller=ada, conversation_id=tea, fields={"settings": {"who_can_send": "admins"}})
    *_, told, _ = rooms.seen(bob, tea)
    assert (told["data"]["type"], told["data"]["metadata"]) == ("system", {"kind": "ai_enabled", "enabled": True})
    assert told["data"]["sender_id"] == ada.user_id
    with pytest.raises(Exception, match="stays"):
        messages.delete(caller=ada, conversation_id=tea, message_id=told["data"]["id"])


def test_either_side_of_a_direct_conversation_may_switch_ai_help_and_nothing_else() -> None:
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    shown = conversations.change(caller=bob, conversation_id=chat, fields={"settings": {"ai_enabled": True}})
    assert shown["settings"]["ai_enabled"] is True
    with pytest.raises(Exception, match="direct"):
        conversations.change(caller=bob, conversation_id=chat, fields={"settings": {"slow_mode_seconds": 5}})


def test_every_feature_that_is_asked_has_its_task() -> None:
    assert {"summaries", "replies", "translations", "rewrites", "moderations", "answers"} == requests.TASKS.keys()


def _summary_again(person: Person, place: str) -> Reply:
    body = {"conversation_id": place, "after_seq": 0}
    return call(app, "POST", "/ai/summaries", body=body, token=person.token, headers={"Idempotency-Key": "again"})


def _with_a_decision() -> tuple[Person, Caller, str, dict[str, Any]]:
    person, bob = someone("ada"), rooms.people("bob")[0]
    place = desk.group(bob, Caller(person.user_id, person.session_id))
    (sent,) = desk.say(place, (bob, "Decided: we take the bus."))
    return person, bob, place, sent


def test_an_answer_is_given_again_for_its_key_and_counted_once() -> None:
    person, _, place, _ = _with_a_decision()
    first, again = _summary_again(person, place), _summary_again(person, place)
    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"
    assert desk.used_tokens(Caller(person.user_id, "")) == sum(
        first.body["usage"][name] for name in ("input_tokens", "output_tokens")
    )


def test_an_answer_that_was_kept_falls_with_an_edit_and_with_a_deletion() -> None:
    person, bob, place, sent = _with_a_decision()
    assert "bus" in _summary_again(person, place).body["result"]
    messages.edit(caller=bob, conversation_id=place, message_id=sent["id"], text="Decided: we take the train.")
    again = _summary_again(person, place)
    assert again.body["result"] == "Decision: Decided: we take the train. [1]"
    assert "idempotent-replayed" not in again.headers
    messages.delete(caller=bob, conversation_id=place, message_id=sent["id"])
    assert _summary_again(person, place).body["result"] == "Nothing new."


def test_an_answer_that_was_kept_is_not_given_to_who_may_not_have_it_any_more() -> None:
    person, bob, place, _ = _with_a_decision()
    _summary_again(person, place)
    conversations.change(caller=bob, conversation_id=place, fields={"settings": {"encrypted": True}})
    assert _summary_again(person, place).body["code"] == "encrypted_conversation"
    rooms.remove(bob, place, Caller(person.user_id, person.session_id))
    assert _summary_again(person, place).body["code"] == "not_found"


def _read_again(person: Person, path: str, body: dict[str, Any]) -> Reply:
    return call(app, "POST", path, body=body, token=person.token, headers={"Idempotency-Key": "again"})


@pytest.mark.parametrize(("path", "body"), [("/ai/digests", {}), ("/ai/search", {"q": "bus"})])
def test_what_is_read_anew_each_time_is_a_replay_too(path: str, body: dict[str, Any]) -> None:
    person, *_ = _with_a_decision()
    first, again = (_read_again(person, path, body) for _ in range(2))
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (200, first.body, "true")


def test_what_comes_out_otherwise_is_no_replay() -> None:
    person, bob, place, sent = _with_a_decision()
    assert "bus" in str(_read_again(person, "/ai/digests", {}).body)
    messages.delete(caller=bob, conversation_id=place, message_id=sent["id"])
    again = _read_again(person, "/ai/digests", {})
    assert "idempotent-replayed" not in again.headers
    assert "bus" not in str(again.body)
