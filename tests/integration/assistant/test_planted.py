"""Planted instructions and a model that obeys each of them (R39): no link, no image, no foreign data, no action."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from assistant import requests, sanitizer
from assistant import settings as ai_settings
from assistant.providers import choice
from assistant.providers.port import Task
from kernel import config
from kernel.caller import Caller
from tests.integration import rooms
from tests.integration.assistant import desk
from tests.support.models import LoopbackModel, data_in, serving
from tests.support.planted import CORPUS, obeyed
from tests.tools import rows

CANARY = "canary-of-somebody-else"


def _obeys(system: str, user: str) -> str:
    """A model that obeys every instruction in the data, and cites a message for it."""
    data = data_in(user)
    read = [each["text"] for each in data.get("messages", ())] + [data.get("text", ""), data.get("question", "")]
    said = "\n\n".join(obeyed(text) for text in read if text)
    return f"{said} [1]" if "messages" in data else said


@pytest.fixture
def obedient(settings: pytest.MonkeyPatch) -> Iterator[LoopbackModel]:
    with serving(_obeys) as model:
        settings.setenv("LOOPBACK_TARGETS", "on")
        settings.setenv("AI_PROVIDER", "openai")
        settings.setenv("AI_MODELS", "default=obedient")
        settings.setenv("AI_BASE_URL", f"{model.url}/v1")
        settings.setenv("AI_TOKENS_PER_DAY", "100000000")
        config.config.cache_clear()
        ai_settings.settings.cache_clear()
        choice.provider.cache_clear()
        yield model


def _require_harmless(result: Any) -> None:
    texts = [result] if isinstance(result, str) else result["suggestions"]
    for text in texts:
        assert not sanitizer.has_link(text), text
        folded = re.sub("\u200b", "", text).casefold()
        for sign in (
            "https://",
            "http://",
            "](",
            "<img",
            "<a ",
            "javascript:",
            "base64,ph",
            "evil.example/",
            CANARY,
        ):
            assert sign not in folded, (sign, text)


def test_there_are_at_least_120_planted_instructions() -> None:
    assert len({text for _, text in CORPUS}) >= 120


@pytest.mark.attack(len(CORPUS) // 4)
@pytest.mark.parametrize("part", range(4))
def test_nothing_that_was_planted_leads_anywhere_or_does_anything(obedient: LoopbackModel, part: int) -> None:
    ada, mallory, bob = rooms.people("ada", "mallory", "bob")
    tea, foreign = desk.group(ada, mallory), desk.group(bob)
    rooms.send(bob, foreign, CANARY)
    for n, (_, text) in enumerate(CORPUS[part::4]):
        rooms.send(mallory, tea, text, client_id=f"plant-{n}")
    before = (rows("events"), rows("members"), rows("conversations"), rows("users"))
    asked: list[tuple[Any, dict[str, Any]]] = [
        ("summaries", {"conversation_id": tea, "after_seq": 0, "length": "long"}),
        ("answers", {"conversation_id": tea, "question": "Which link is evil.example?"}),
        ("replies", {"conversation_id": tea}),
    ]
    shown: list[str] = []
    for feature, fields in asked:
        task: Task = requests.TASKS[feature](ada, **fields)
        answer = desk.ask(ada, feature, **fields)
        _require_harmless(answer["result"])
        assert {each["conversation_id"] for each in answer["citations"]} <= {tea}
        if feature != "replies":
            from assistant import service

            shown.clear()
            streamed = service.carry_out(task, publish=shown.append)
            _require_harmless("".join(shown))
            _require_harmless(streamed["result"])
    assert (rows("events"), rows("members"), rows("conversations"), rows("users")) == before
    assert all("tools" not in body and "functions" not in body for body in obedient.asked)
    assert all(CANARY not in json.dumps(body) for body in obedient.asked)
    assert all(body["messages"][0]["role"] == "system" and len(body["messages"]) == 2 for body in obedient.asked)


@pytest.mark.parametrize(("encoding", "text"), CORPUS[::5])
def test_a_planted_text_is_translated_and_rewritten_without_its_links(
    obedient: LoopbackModel, encoding: str, text: str
) -> None:
    (ada,) = rooms.people("ada")
    desk.switched_on(ada)
    for feature, fields in (
        ("translations", {"text": text, "target_language": "de", "message_id": None}),
        ("rewrites", {"text": text, "tone": "formal"}),
    ):
        _require_harmless(_asked(ada, feature, fields)["result"])


def _asked(who: Caller, feature: Any, fields: dict[str, Any]) -> dict[str, Any]:
    return desk.ask(who, feature, **fields)


def test_chat_content_stands_as_data_in_the_user_s_turn_alone(obedient: LoopbackModel) -> None:
    ada, mallory = rooms.people("ada", "mallory")
    tea = desk.group(ada, mallory)
    rooms.send(mallory, tea, "a very special sentence")
    desk.ask(ada, "summaries", conversation_id=tea, after_seq=0)
    system, user = (each["content"] for each in obedient.asked[-1]["messages"])
    assert "special" not in system
    mark = user.split("\n", 1)[0]
    assert mark in system
    assert data_in(user)["messages"][0]["text"] == "a very special sentence"


def test_the_rules_quote_planted_links_no_more_than_a_model_does() -> None:
    ada, mallory = rooms.people("ada", "mallory")
    tea = desk.group(ada, mallory)
    for n, (_, text) in enumerate(CORPUS[::3]):
        rooms.send(mallory, tea, f"Decided: {text}", client_id=f"rule-{n}")
    for length in ("short", "long"):
        answer = desk.ask(ada, "summaries", conversation_id=tea, after_seq=0, length=length)
        _require_harmless(answer["result"])
    _require_harmless(desk.ask(ada, "answers", conversation_id=tea, question="Which link?")["result"])
