"""Bedrock by the real AWS library and OpenAI-compatible endpoints, against servers of ours on the loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from assistant import people, requests, service, store
from assistant import settings as ai_settings
from assistant.model import AiUnavailable
from assistant.prompts import Prompt
from assistant.providers import bedrock, choice, openai_compatible
from conversations import service as conversations
from evaluation.__main__ import Asking, citations, report
from evaluation.chats import all_chats
from kernel import aws, clock, config, deadline
from kernel.config import ConfigurationError
from kernel.errors import DependencyUnavailable, Timeout
from messages import service as messages
from tests.integration import rooms
from tests.integration.assistant import desk
from tests.support.models import LoopbackModel, serving
from tests.tools import captured_lines

ANSWER = "The ferry leaves at 6:40 [2]. Bring tea [9]. More at https://evil.example/x"


def _configured(settings: pytest.MonkeyPatch, model: LoopbackModel, provider: str, **more: str) -> None:
    values = {
        "LOOPBACK_TARGETS": "on",
        "AI_PROVIDER": provider,
        "AI_MODELS": "default=small,summaries=anthropic.claude-large",
        "AI_BASE_URL": f"{model.url}/v1",
        "AI_ENDPOINT_URL": model.url,
        "AI_INPUT_USD": "3",
        "AI_OUTPUT_USD": "15",
        **more,
    }
    for name, value in values.items():
        settings.setenv(name, value)
    config.config.cache_clear()
    ai_settings.settings.cache_clear()
    choice.provider.cache_clear()


@pytest.fixture(params=["openai", "bedrock"])
def model(request: pytest.FixtureRequest, settings: pytest.MonkeyPatch) -> Iterator[LoopbackModel]:
    with serving(lambda system, user: ANSWER) as model:
        _configured(settings, model, request.param)
        yield model


@pytest.fixture
def tea() -> Any:
    ada, bob = rooms.people("ada", "bob")
    place = desk.group(ada, bob)
    sent = desk.say(place, (ada, "When does the ferry leave?"), (bob, "At 6:40 from pier 3."))
    return ada, bob, place, sent


def test_an_answer_is_checked_counted_and_priced(model: LoopbackModel, tea: Any) -> None:
    ada, _, place, sent = tea
    answer = desk.ask(ada, "summaries", conversation_id=place, after_seq=0)
    assert answer["result"] == "The ferry leaves at 6:40 [1]. Bring tea. More at (link)"
    assert [each["message_id"] for each in answer["citations"]] == [sent[1]["id"]]
    assert answer["model"] == "anthropic.claude-large"
    assert answer["provider"] == choice.provider().name
    assert answer["usage"] == {"input_tokens": 100, "output_tokens": 20, "cost_usd": 0.0006}
    budget = people.get(ada.user_id)["budget"]
    assert (budget["used_tokens"], budget["used_usd"]) == (120, 0.0006)


def test_a_streamed_answer_is_shown_piece_by_piece_and_counted_once(model: LoopbackModel, tea: Any) -> None:
    ada, _, place, _ = tea
    shown: list[str] = []
    answer = service.carry_out(
        requests.TASKS["summaries"](ada, conversation_id=place, after_seq=0), publish=shown.append
    )
    assert len(shown) == 3
    assert "".join(shown) == answer["result"] == "The ferry leaves at 6:40 [1]. Bring tea. More at (link)"
    assert people.get(ada.user_id)["budget"]["used_tokens"] == 120


def test_a_stream_that_breaks_off_is_counted_and_told(model: LoopbackModel, tea: Any) -> None:
    ada, _, place, _ = tea
    model.mode = "broken"
    task = requests.TASKS["summaries"](ada, conversation_id=place, after_seq=0)
    with pytest.raises(DependencyUnavailable):
        service.carry_out(task, publish=lambda _: None)
    used = people.get(ada.user_id)["budget"]["used_tokens"]
    assert 0 < used < 1_000  # what was read and what had come, not all that was reserved


def test_a_stream_that_bedrock_ends_by_throttling_is_counted_once(settings: pytest.MonkeyPatch, tea: Any) -> None:
    ada, _, place, _ = tea
    with serving(lambda system, user: ANSWER) as model:
        _configured(settings, model, "bedrock")
        model.mode = "throttled midway"
        for _ in range(3):
            task = requests.TASKS["summaries"](ada, conversation_id=place, after_seq=0)
            with pytest.raises(DependencyUnavailable):
                service.carry_out(task, publish=lambda _: None)
    used = people.get(ada.user_id)["budget"]["used_tokens"]
    assert 0 < used < 3_000  # thrice what was read and one piece, not thrice what was held
    assert bedrock.breaker.state == "open"  # though each stream began well


@pytest.mark.parametrize("mode", ["failing", "throttling"])
def test_a_failing_provider_costs_nothing_and_opens_its_breaker(model: LoopbackModel, tea: Any, mode: str) -> None:
    ada, _, place, _ = tea
    model.mode = mode
    for _ in range(4):
        with pytest.raises(DependencyUnavailable):
            desk.ask(ada, "replies", conversation_id=place)
    assert len(model.asked) == 3  # the fourth was not sent
    assert people.get(ada.user_id)["budget"]["used_tokens"] == 0


def test_a_slow_provider_is_given_up_within_the_call_s_time(model: LoopbackModel, tea: Any) -> None:
    ada, _, place, _ = tea
    model.mode = "slow"
    with deadline.within(1.5), pytest.raises(Timeout):
        desk.ask(ada, "replies", conversation_id=place)


def test_replies_are_three_even_if_the_model_gives_fewer(model: LoopbackModel, tea: Any) -> None:
    ada, _, place, _ = tea
    model.say = lambda system, user: 'Sure: ["Great!", "See you at the pier"]'
    found = desk.ask(ada, "replies", conversation_id=place)["result"]["suggestions"]
    assert found[:2] == ["Great!", "See you at the pier"]
    assert len(set(found)) == 3


def test_scores_of_a_model_stay_between_0_and_1(model: LoopbackModel, tea: Any) -> None:
    names = ("harassment", "hate", "violence", "sexual", "self_harm", "spam")
    scores = {name: 7 if name == "spam" else 0.1 for name in names}
    model.say = lambda system, user: f"```json\n{json.dumps(scores)}\n```"
    result = desk.ask(tea[0], "moderations", text="Buy now")["result"]
    assert (result["categories"]["spam"], result["flagged"]) == (1.0, True)
    model.say = lambda system, user: "I would rather not."
    with pytest.raises(DependencyUnavailable):
        desk.ask(tea[0], "moderations", text="Buy now")


def test_what_no_message_supports_is_said_so(model: LoopbackModel, tea: Any) -> None:
    model.say = lambda system, user: "NO SUPPORT"
    answer = desk.ask(tea[0], "answers", conversation_id=tea[2], question="When does the ferry leave?")
    assert answer["result"].startswith("No support found")
    assert answer["citations"] == []


def test_what_a_model_says_without_a_citation_is_no_answer(model: LoopbackModel, tea: Any) -> None:
    model.say = lambda system, user: "The ferry sails on Mars. Everybody knows it [7]. It has wings."
    shown: list[str] = []
    asked = {"conversation_id": tea[2], "question": "When does the ferry leave?"}
    answer = desk.ask(tea[0], "answers", **asked)
    streamed = service.carry_out(requests.TASKS["answers"](tea[0], **asked), publish=shown.append)
    for each in (answer, streamed):
        assert each["result"].startswith("No support found")
        assert each["citations"] == []
    assert shown == [streamed["result"]]


def test_a_streamed_answer_waits_for_its_first_citation_alone(model: LoopbackModel, tea: Any) -> None:
    model.say = lambda system, user: "I looked it up. It leaves at 6:40 [2]. From pier 3."
    shown: list[str] = []
    asked = {"conversation_id": tea[2], "question": "When does the ferry leave?"}
    answer = service.carry_out(requests.TASKS["answers"](tea[0], **asked), publish=shown.append)
    assert shown == ["I looked it up. It leaves at 6:40 [1]. ", "From pier 3."]
    assert "".join(shown) == answer["result"]


STOPS: dict[str, Any] = {
    "was edited": lambda ada, bob, place, sent: messages.edit(
        caller=bob, conversation_id=place, message_id=sent[1]["id"], text="At 7:50."
    ),
    "its reader was removed": lambda ada, bob, place, sent: rooms.remove(ada, place, bob),
    "is encrypted now": lambda ada, bob, place, sent: conversations.change(
        caller=ada, conversation_id=place, fields={"settings": {"encrypted": True}}
    ),
    "AI help is off now": lambda ada, bob, place, sent: conversations.change(
        caller=ada, conversation_id=place, fields={"settings": {"ai_enabled": False}}
    ),
}


@pytest.mark.parametrize("stops", STOPS.values(), ids=STOPS)
def test_what_may_be_read_no_more_when_the_answer_comes_is_not_cited(
    model: LoopbackModel, tea: Any, stops: Any
) -> None:
    def thinks(system: str, user: str) -> str:
        stops(*tea)
        return "It leaves at 6:40 [2]."

    model.say = thinks
    answer = desk.ask(tea[1], "answers", conversation_id=tea[2], question="When does the ferry leave?")
    assert answer["citations"] == []
    assert answer["result"].startswith("No support found")


def test_what_has_expired_reaches_no_prompt_and_no_answer(model: LoopbackModel) -> None:
    ada, bob = rooms.people("ada", "bob")
    with clock.held(clock.now()) as advance:
        place = desk.group(ada, bob, disappearing_seconds=60)
        desk.say(place, (ada, "When does the ferry leave?"), (bob, "The ferry leaves at 6:40."))
        advance(59 * clock.SECOND)
        desk.say(place, (ada, "Is the ferry blue?"))
        advance(2 * clock.SECOND)
        desk.ask(ada, "summaries", conversation_id=place, after_seq=0)
        desk.ask(ada, "answers", conversation_id=place, question="When does the ferry leave?")
        desk.ask(ada, "answers", question="When does the ferry leave?", conversation_id=None)
        desk.ask(ada, "replies", conversation_id=place)
    assert len(model.asked) >= 3
    assert all("6:40" not in json.dumps(body) for body in model.asked)
    assert all("ferry blue" in json.dumps(body) for body in model.asked)


def test_while_nobody_counts_nothing_is_asked(model: LoopbackModel, tea: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: Any, **__: Any) -> None:
        raise DependencyUnavailable

    monkeypatch.setattr(store, "reserve", silent)
    for show in (None, lambda _: None):
        task = requests.TASKS["summaries"](tea[0], conversation_id=tea[2], after_seq=0)
        with pytest.raises(DependencyUnavailable):
            service.carry_out(task, publish=show)
    assert model.asked == []


def test_nothing_that_is_asked_or_answered_stands_in_a_log(model: LoopbackModel, tea: Any) -> None:
    ada, _, place, _ = tea
    with captured_lines() as lines:
        for stream in (False, True):
            for route, fields in (
                ("summaries", {"conversation_id": place, "after_seq": 0}),
                ("answers", {"conversation_id": place, "question": "When does the ferry leave?"}),
                ("translations", {"text": "ferry", "target_language": "de", "message_id": None}),
            ):
                task = requests.TASKS[route](ada, **fields)  # type: ignore[index]
                service.carry_out(task, publish=(lambda _: None) if stream else None)
        model.mode = "failing"
        with pytest.raises(DependencyUnavailable):
            desk.ask(ada, "answers", conversation_id=place, question="When does the ferry leave?")
    assert "ferry" not in lines.text.lower()
    assert "6:40" not in lines.text


def test_a_message_that_is_deleted_while_the_model_thinks_is_not_cited(model: LoopbackModel, tea: Any) -> None:
    ada, bob, place, sent = tea

    def thinks(system: str, user: str) -> str:
        messages.delete(caller=bob, conversation_id=place, message_id=sent[1]["id"])
        return "It leaves at 6:40 [2], asked in [1]."

    model.say = thinks
    answer = desk.ask(ada, "summaries", conversation_id=place, after_seq=0)
    assert [each["message_id"] for each in answer["citations"]] == [sent[0]["id"]]
    assert answer["result"] == "It leaves at 6:40, asked in [1]."


def test_models_are_asked_by_feature_with_limits_and_without_tools(model: LoopbackModel, tea: Any) -> None:
    desk.ask(tea[0], "translations", text="Guten Morgen", target_language="en", message_id=None)
    (body,) = model.asked
    asked = body.get("max_tokens") or body["inferenceConfig"]["maxTokens"]
    assert asked == 4_000
    assert not {"tools", "toolConfig", "functions"} & body.keys()


def test_transcription_is_not_there_unless_it_is_deployed(model: LoopbackModel) -> None:
    assert choice.provider().supports("transcriptions") is False


def test_the_endpoint_s_key_comes_from_its_secret(settings: pytest.MonkeyPatch, tea: Any) -> None:
    secret = aws.client("secretsmanager").create_secret(Name="ai-key", SecretString="sk-1234\n")["ARN"]
    with serving(lambda system, user: '["a", "b", "c"]') as model:
        _configured(settings, model, "openai", AI_KEY_SECRET_ARN=secret)
        desk.ask(tea[0], "replies", conversation_id=tea[2])
        assert model.headers[0]["authorization"] == "Bearer sk-1234"


@pytest.mark.parametrize(
    ("address", "hosts"),
    [
        ("http://127.0.0.1:9/v1", "127.0.0.1"),
        ("https://169.254.169.254/latest", "169.254.169.254"),
        ("https://10.0.0.1/v1", "10.0.0.1"),
        ("http://models.example.com/v1", "models.example.com"),
        ("https://models.example.com/v1", "other.example.com"),
        ("https://models.example.com:8443/v1", "models.example.com"),
        ("https://user:secret@models.example.com/v1", "models.example.com"),
        ("https://[::1]/v1", "[::1]"),
        ("https://localhost/v1", "localhost"),
        ("file:///etc/passwd", ""),
        ("https://models.example.com.evil.example/v1", "models.example.com"),
    ],
)
def test_an_address_that_must_not_be_called_is_refused(settings: pytest.MonkeyPatch, address: str, hosts: str) -> None:
    for name, value in (
        ("AI_PROVIDER", "openai"),
        ("AI_MODELS", "default=m"),
        ("AI_BASE_URL", address),
        ("AI_ALLOWED_HOSTS", hosts),
    ):
        settings.setenv(name, value)
    ai_settings.settings.cache_clear()
    with pytest.raises(ConfigurationError):
        openai_compatible.endpoint()


def test_only_bedrock_stays_in_the_account(settings: pytest.MonkeyPatch) -> None:
    with serving(lambda system, user: "") as model:
        _configured(settings, model, "bedrock")
        assert choice.provider().leaves_account is False
        _configured(settings, model, "openai")
        assert choice.provider().leaves_account is True


def test_a_guardrail_goes_with_bedrock_s_calls(settings: pytest.MonkeyPatch, tea: Any) -> None:
    with serving(lambda system, user: "Nothing.") as model:
        _configured(settings, model, "bedrock", AI_GUARDRAIL="gr-1", AI_GUARDRAIL_VERSION="2")
        desk.ask(tea[0], "summaries", conversation_id=tea[2], after_seq=0)
        desk.ask(tea[0], "rewrites", text="Come here.", tone="a" * 40)
        assert [body["guardrailConfig"] for body in model.asked] == [
            {"guardrailIdentifier": "gr-1", "guardrailVersion": "2"}
        ] * 2


def test_instructions_are_cached_where_the_model_can_and_they_are_long_enough() -> None:
    def cached(model: str, rules: str) -> list[str]:
        system = bedrock.arguments(model, Prompt(rules, "The mark is =1=.", "=1=\n{}\n=1=", 10))["system"]
        return [name for block in system for name in block]

    long = "Follow this rule. " * 300
    assert cached("eu.anthropic.claude-x", long) == [
        "text",
        "cachePoint",
        "text",
    ]  # the mark is not: it is new each time
    assert cached("eu.anthropic.claude-x", "Be brief.") == ["text", "text"]
    assert cached("meta.llama-x", long) == ["text", "text"]


def test_wrong_settings_name_their_variable(settings: pytest.MonkeyPatch) -> None:
    for name, value, told in (
        ("AI_PROVIDER", "magic", "AI_PROVIDER"),
        ("AI_MODELS", "haiku", "AI_MODELS"),
        ("AI_TOKENS_PER_DAY", "-1", "AI_TOKENS_PER_DAY"),
        ("AI_USD_PER_DAY", "much", "AI_USD_PER_DAY"),
    ):
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv(name, value)
            ai_settings.settings.cache_clear()
            with pytest.raises(ConfigurationError, match=told):
                ai_settings.settings()
    ai_settings.settings.cache_clear()


def test_what_embedded_cannot_do_is_not_faked(tea: Any) -> None:
    with pytest.raises(AiUnavailable):
        desk.ask(tea[0], "rewrites", text="Come here.", tone="friendly")


def test_any_provider_is_evaluated_by_what_people_would_see_of_it(model: LoopbackModel) -> None:
    def cites_the_first_message_and_one_that_is_not_there(system: str, user: str) -> str:
        return "It is so [1]. And so [400]."

    model.say = cites_the_first_message_and_one_that_is_not_there
    asking = Asking(choice.provider())
    chosen = list({chat.language: chat for chat in all_chats()}.values())
    found = citations(asking, chosen)
    assert len(found) == sum(len(chat.questions) for chat in chosen)
    assert all(len(cited) <= 1 for cited, _ in found)
    assert asking.usage.cost_micro_usd == 600 * len(model.asked)
    assert len(report(asking, chosen)) == 5
