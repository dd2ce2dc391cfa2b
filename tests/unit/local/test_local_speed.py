"""What the local cloud leaves out changes no answer."""

import copy
import json
import re
from importlib import import_module
from typing import Any

import pytest

from infra.local import speed, templates


class Policies:
    """A fake for what collects a caller's policies: counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def resolve(self, access_key: str, account: str, _credential: Any = None) -> Any:
        self.asked.append((access_key, account))
        if access_key == "unknown":
            return import_module(speed.EVALUATOR).AuthError("InvalidClientTokenId", "no such key")
        return f"caller {len(self.asked)}"


def test_a_callers_policies_are_kept_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    policies = Policies()
    resolve = speed._kept_for_a_moment(policies.resolve)
    assert [resolve("key", "1"), resolve("key", "1", "credential"), resolve("key", "2")] == [
        "caller 1",
        "caller 1",
        "caller 2",
    ]
    monkeypatch.setattr(speed, "KEPT_S", 0.0)
    assert [resolve("other", "1"), resolve("other", "1")] == ["caller 3", "caller 4"]


def test_a_key_that_is_unknown_now_may_be_known_the_next_time() -> None:
    policies = Policies()
    resolve = speed._kept_for_a_moment(policies.resolve)
    for _ in range(2):
        assert resolve("unknown", "1").code == "InvalidClientTokenId"
    assert len(policies.asked) == 2


def test_policies_of_the_same_text_are_parsed_once_and_each_caller_has_a_list_of_its_own() -> None:
    parsed: list[str] = []

    def parse(document: str) -> list[str]:
        parsed.append(document)
        return [document]

    parsing = speed._by_content(parse)
    document: dict[str, list[str]] = {"Statement": []}
    parsing(document).append("changed by its reader")
    assert parsing(json.dumps(document)) == [json.dumps(document)]
    assert len(parsed) == 1


def test_only_a_queue_with_messages_is_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    queues: dict[str, Any] = {"empty": {"messages": []}, "full": {"messages": ["one"]}}
    monkeypatch.setattr(import_module(speed.SQS), "_queues", queues)
    receiving = speed._unless_empty(lambda url, count: [f"{count} of {url}"])
    assert receiving("empty", 10) == []
    assert receiving("full", 10) == ["10 of full"]
    assert receiving("gone", 10) == ["10 of gone"]  # MiniStack decides


def test_an_api_has_the_same_routes_without_copies_of_its_description(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {name: f"{name}.zip" for name in ("functions", *templates.layers())}
    package = templates.packaged(keys, "bucket")
    engine = import_module("ministack.services.cloudformation.engine")
    template = engine._parse_template(package.files[package.root].decode())

    def resources() -> Any:
        """The resources; a deployment of the API is named after the order of its description."""
        text = json.dumps(engine._apply_transforms(template, [])["Resources"])
        return json.loads(re.sub(r"RestApiDeployment[0-9a-f]{10}", "RestApiDeployment", text))

    swagger = import_module("samtranslator.swagger.swagger")
    monkeypatch.setattr(swagger, "_deepcopy", copy.deepcopy)
    expected = resources()
    speed.translate_without_copies()
    found = resources()

    for each in (expected, found):
        each["RestApiDeployment"]["Properties"].pop("Description")  # has the whole hash
    assert found == expected
    assert len(found["RestApi"]["Properties"]["Body"]["paths"]) > 100
