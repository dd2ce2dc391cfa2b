"""AI help on the deployed stack, with the provider that needs no network (contract §9)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e import drive
from tests.e2e.api import ai_providers
from tests.e2e.people import Person, Town
from tests.e2e.tools import eventually, problem
from tests.support import transcribing
from tests.support.models import data_in

SOON_S = 20.0


@pytest.fixture(scope="module")
def ada(town: Town) -> Person:
    return _with_ai(town.person("ada"))


@pytest.fixture(scope="module")
def bob(town: Town) -> Person:
    return _with_ai(town.person("bob"))


@pytest.fixture
def tea(ada: Person, bob: Person) -> str:
    made = ada.group_with(bob, settings={"ai_enabled": True})
    ada.send(made, "When does the ferry leave?")
    bob.send(made, "At 6:40 from pier 3.")
    ada.send(made, "Decided: we take the bus. See https://evil.example/x")
    return made


def _with_ai(person: Person) -> Person:
    assert person.ok("GET", "/ai/settings")["enabled"] is False
    settings = person.ok("PUT", "/ai/settings", {"enabled": True, "language": "en"})
    assert settings["enabled"] is True
    return person


def test_settings_tell_the_provider_and_the_budget(ada: Person) -> None:
    settings = ada.ok("PUT", "/ai/settings", {"features": {"replies": True}})
    assert (settings["provider"], settings["leaves_account"]) == ("embedded", False)
    assert set(settings["features"]) == {
        "summaries", "replies", "translations", "rewrites", "answers", "moderations", "transcriptions"
    }  # fmt: skip
    assert settings["budget"]["tokens_per_day"] > 0
    assert ada.ok("GET", "/users/me")["settings"]["ai_enabled"] is True


def test_a_summary_cites_and_counts(bob: Person, tea: str) -> None:
    before = bob.ok("GET", "/ai/settings")["budget"]["used_tokens"]
    answer = bob.ok("POST", "/ai/summaries", {"conversation_id": tea, "after_seq": 0, "length": "long"})
    assert "Decision: Decided: we take the bus." in answer["result"]
    assert "evil" not in answer["result"]
    listed = {each["id"]: each["seq"] for each in bob.ok("GET", f"/conversations/{tea}/messages")["items"]}
    assert all(listed[each["message_id"]] == each["seq"] for each in answer["citations"])
    assert len(answer["citations"]) == 3
    usage = answer["usage"]
    assert bob.ok("GET", "/ai/settings")["budget"]["used_tokens"] == (
        before + usage["input_tokens"] + usage["output_tokens"]
    )


def test_replies_answers_moderation_and_digest(ada: Person, bob: Person, tea: str) -> None:
    replies = bob.ok("POST", "/ai/replies", {"conversation_id": tea})["result"]["suggestions"]
    assert len(replies) == 3
    answer = ada.ok("POST", "/ai/answers", {"conversation_id": tea, "question": "What time does the ferry leave?"})
    assert "6:40" in answer["result"]
    scores = ada.ok("POST", "/ai/moderations", {"text": "You are such an idiot"})["result"]
    assert scores["flagged"] is True
    digest = bob.ok("POST", "/ai/digests")["conversations"]
    assert next(each for each in digest if each["conversation_id"] == tea)["unread"] == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/ai/translations", {"text": "Guten Morgen", "target_language": "en"}),
        ("/ai/rewrites", {"text": "Come here.", "tone": "friendly"}),
    ],
)
def test_what_the_provider_does_not_have_is_refused(ada: Person, path: str, body: dict[str, Any]) -> None:
    refused = problem(ada.post(path, body), 501, "ai_unavailable")
    assert "embedded" in refused["detail"]


def test_refusals_come_in_the_contract_s_order(town: Town, ada: Person, bob: Person) -> None:
    eve = town.person("eve")
    encrypted = ada.group_with(bob, eve, settings={"encrypted": True})
    on = {"settings": {"ai_enabled": True}}
    problem(ada.patch(f"/conversations/{encrypted}", on), 403, "encrypted_conversation")
    plain = ada.group_with(bob)
    body = {"conversation_id": encrypted}
    problem(eve.post("/ai/summaries", body), 403, "encrypted_conversation")
    problem(ada.post("/ai/summaries", body), 403, "encrypted_conversation")
    problem(ada.post("/ai/summaries", {"conversation_id": plain}), 403, "ai_disabled")
    problem(eve.post("/ai/summaries", {"conversation_id": plain}), 404, "not_found")
    problem(eve.post("/ai/moderations", {"text": "x"}), 403, "ai_disabled")


def test_a_streamed_answer_may_be_cancelled(bob: Person, tea: str) -> None:
    body = {"conversation_id": tea, "after_seq": 0, "length": "long", "stream": True}
    begun = bob.post("/ai/summaries", body)
    assert begun.status_code == 202
    assert bob.delete(f"/ai/requests/{begun.json()['request_id']}").status_code == 204


def test_a_streamed_answer_is_cancelled_over_the_socket_and_ends_once(bob: Person, tea: str) -> None:
    with bob.live() as socket:
        body = {"conversation_id": tea, "after_seq": 0, "length": "long", "stream": True}
        request_id = bob.post("/ai/summaries", body).json()["request_id"]
        socket.ok("aiCancel", request_id=request_id)
        assert socket.ask("aiCancel", request_id="air_unknown")["problem"]["code"] == "not_found"

        def ends() -> list[dict[str, Any]]:
            found = [each["data"] for each in socket.events if each["type"] == "ai.done"]
            return [each for each in found if each["request_id"] == request_id]

        eventually(lambda: bool(ends()), within_s=SOON_S)
        (end,) = ends()
        # the answer may have been complete before it was cancelled
        assert "answer" in end or end["problem"]["code"] == "gone"


def test_an_answer_is_not_given_again_once_its_message_was_edited(ada: Person, bob: Person) -> None:
    place = ada.group_with(bob, settings={"ai_enabled": True})
    sent = ada.send(place, "Decided: we take the bus.")
    body = {"conversation_id": place, "after_seq": 0}
    first = bob.post("/ai/summaries", body, headers={"Idempotency-Key": "once"})
    again = bob.post("/ai/summaries", body, headers={"Idempotency-Key": "once"})
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    ada.ok("PATCH", f"/conversations/{place}/messages/{sent['id']}", {"text": "Decided: we take the train."})
    assert "train" in bob.post("/ai/summaries", body, headers={"Idempotency-Key": "once"}).json()["result"]


def test_a_streamed_answer_comes_in_dense_pieces_and_ends_once(bob: Person, tea: str) -> None:
    with bob.live() as socket:
        body = {"conversation_id": tea, "after_seq": 0, "length": "long", "stream": True}
        started = bob.post("/ai/summaries", body)
        assert started.status_code == 202
        request_id = started.json()["request_id"]

        def about(kind: str) -> list[dict[str, Any]]:
            found = [each["data"] for each in socket.events if each["type"] == kind]
            return [each for each in found if each["request_id"] == request_id]

        eventually(lambda: bool(about("ai.done")), within_s=SOON_S)
        deltas = about("ai.delta")
        assert [each["n"] for each in deltas] == list(range(1, len(deltas) + 1))
        (done,) = about("ai.done")
        assert "".join(each["text"] for each in deltas) == done["answer"]["result"]
        assert len(done["answer"]["citations"]) == 3


def test_search_by_meaning_finds_what_shares_no_word(ada: Person, bob: Person) -> None:
    place = ada.group_with(bob, settings={"ai_enabled": True})
    wanted = ada.send(place, "The launch was postponed to the twelfth of March")
    bob.ok("PUT", f"/conversations/{place}/messages/{wanted['id']}/reactions/👍")
    for text in ("Who brings the cake?", "My keyboard is broken", "The cat sleeps on the sofa"):
        bob.send(place, text)

    def first() -> Any:
        items = ada.ok("POST", "/ai/search", {"q": "release delayed", "conversation_id": place})["items"]
        return items and items[0]["id"]

    eventually(lambda: first() == wanted["id"], within_s=SOON_S)
    ada.ok("DELETE", f"/conversations/{place}/messages/{wanted['id']}")
    assert first() != wanted["id"]


def test_switching_ai_help_is_told_to_the_members(ada: Person, bob: Person) -> None:
    place = ada.group_with(bob)
    ada.ok("PATCH", f"/conversations/{place}", {"settings": {"ai_enabled": True}})
    last = bob.ok("GET", f"/conversations/{place}/messages")["items"][0]
    assert (last["type"], last["metadata"]) == ("system", {"kind": "ai_enabled", "enabled": True})


def test_what_looks_harmful_is_reported_to_the_admins_of_a_group_that_wants_it(ada: Person, bob: Person) -> None:
    place = ada.group_with(bob, settings={"ai_enabled": True, "moderation": "flag"})
    said = bob.send(place, "You are such an idiot, nobody likes you")
    bob.send(place, "The ferry leaves at 6:40.")
    queue = f"/conversations/{place}/reports"
    eventually(lambda: bool(ada.ok("GET", queue)["items"]), within_s=SOON_S)
    (report,) = ada.ok("GET", queue)["items"]
    assert (report["message_id"], report["reporter"]) == (said["id"], None)
    assert ada.ok("GET", f"/conversations/{place}/messages/{said['id']}")["deleted_at"] is None
    eventually(lambda: any(each["kind"] == "report" for each in ada.ok("GET", "/notifications")["items"]))


# --- with servers of the tests ---------------------------------------------------------------------------------


def _shouts(system: str, user: str) -> str:
    text: str = data_in(user)["text"]
    return text.upper()


@pytest.mark.parametrize(("provider", "leaves_account"), [("openai", True), ("bedrock", False)])
def test_a_model_translates_and_rewrites_and_is_paid_once(
    endpoints: dict[str, str], ada: Person, bob: Person, tea: str, provider: str, leaves_account: bool
) -> None:
    said = bob.send(tea, "We meet at the pier")
    with ai_providers.language_model(endpoints, _shouts, provider=provider) as model, ada.live() as socket:
        settings = ada.ok("GET", "/ai/settings")
        assert (settings["provider"], settings["leaves_account"]) == (provider, leaves_account)
        translated = ada.ok("POST", "/ai/translations", {"message_id": said["id"], "target_language": "de"})
        rewritten = ada.ok("POST", "/ai/rewrites", {"text": "send it to x@evil.example", "tone": "formal"})
        ada.ok("POST", "/ai/rewrites", {"text": "again. and again.", "tone": "formal", "stream": True})
        streamed = socket.expect("ai.done")["data"]["answer"]
        used = ada.ok("GET", "/ai/settings")["budget"]["used_tokens"] - settings["budget"]["used_tokens"]
    assert (translated["result"], rewritten["result"]) == ("WE MEET AT THE PIER", "SEND IT TO (link)")
    assert streamed["result"] == "AGAIN. AND AGAIN."
    for each in (translated, rewritten, streamed):
        assert (each["provider"], each["model"]) == (provider, ai_providers.MODEL)
    assert used == 3 * 120
    assert len(model.asked) == 3


def test_a_voice_message_is_written_down_by_the_state_machine_and_told(
    endpoints: dict[str, str], ada: Person, bob: Person
) -> None:
    if not ai_providers.has_transcriptions(endpoints):
        pytest.skip("needs a stack with AiTranscriptions=transcribe, as `make test` deploys its own")
    place = ada.group_with(bob, settings={"ai_enabled": True})
    sound = transcribing.SOUND
    file_id = drive.upload(bob, sound, name="voice.ogg", content_type="audio/ogg", conversation_id=place)["id"]
    bob.send(place, "listen", attachment_ids=[file_id])
    with ai_providers.transcribe(endpoints) as service, ada.live() as socket:
        begun = ada.post("/ai/transcriptions", {"file_id": file_id})
        assert (begun.status_code, begun.json()["status"]) == (202, "queued")
        job = f"/ai/jobs/{begun.json()['id']}"
        eventually(lambda: ada.ok("GET", job)["status"] not in ("queued", "running"), within_s=60, every_s=0.5)
        found = ada.ok("GET", job)
        done = socket.expect("ai.done", request_id=begun.json()["id"])["data"]["answer"]
    assert (found["status"], found["result"]["text"]) == ("done", "The ferry leaves at 6:40. More at (link) bring tea.")
    assert done["result"] == found["result"]
    assert (done["provider"], done["model"]) == ("transcribe", "amazon-transcribe")
    assert done["usage"]["cost_usd"] > 0
    assert service.jobs == {}  # the job was deleted there
    problem(bob.get(job), 404, "not_found")  # only its owner sees a job
