"""What the local cloud leaves out changes no answer."""

import copy
import itertools
import json
import re
from importlib import import_module
from typing import Any

import pytest

from infra.local import templates
from infra.local.speed import requests


class Policies:
    """A fake for what collects a caller's policies: counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def resolve(self, access_key: str, account: str, _credential: Any = None) -> Any:
        self.asked.append((access_key, account))
        if access_key == "unknown":
            return import_module(requests.EVALUATOR).AuthError("InvalidClientTokenId", "no such key")
        return f"caller {len(self.asked)}"


def test_a_callers_policies_are_kept_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    policies = Policies()
    resolve = requests._kept_for_a_moment(policies.resolve)
    assert [resolve("key", "1"), resolve("key", "1", "credential"), resolve("key", "2")] == [
        "caller 1",
        "caller 1",
        "caller 2",
    ]
    monkeypatch.setattr(requests, "KEPT_S", 0.0)
    assert [resolve("other", "1"), resolve("other", "1")] == ["caller 3", "caller 4"]


def test_a_key_that_is_unknown_now_may_be_known_the_next_time() -> None:
    policies = Policies()
    resolve = requests._kept_for_a_moment(policies.resolve)
    for _ in range(2):
        assert resolve("unknown", "1").code == "InvalidClientTokenId"
    assert len(policies.asked) == 2


def test_policies_of_the_same_text_are_parsed_once_and_each_caller_has_a_list_of_its_own() -> None:
    parsed: list[str] = []

    def parse(document: str) -> list[str]:
        parsed.append(document)
        return [document]

    parsing = requests._by_content(parse)
    document: dict[str, list[str]] = {"Statement": []}
    parsing(document).append("changed by its reader")
    assert parsing(json.dumps(document)) == [json.dumps(document)]
    assert len(parsed) == 1


def test_statements_of_other_actions_change_no_decision() -> None:
    evaluator = import_module(requests.EVALUATOR)
    find = evaluator.evaluate
    narrowed = requests._of_the_action(find)

    def statement(effect: str, *, of: list[str], on: str, but: bool = False, condition: Any = None) -> Any:
        actions = {"not_actions": of} if but else {"actions": of}
        return evaluator.ParsedStatement("", effect, **actions, resources=[on], conditions=condition or {})

    ours = [
        [statement("Allow", of=["dynamodb:Get*", "dynamodb:Query"], on="table/*")],
        [statement("Deny", of=["dynamodb:GetItem"], on="table/secret"), statement("Allow", of=["sqs:*"], on="*")],
        [statement("Allow", of=["kms:*"], on="*", but=True, condition={"StringEquals": {"k": "v"}})],
    ]
    limit = [[statement("Allow", of=["dynamodb:*", "s3:*"], on="*")]]
    actions = ("dynamodb:GetItem", "DynamoDB:query", "dynamodb:PutItem", "sqs:SendMessage", "kms:Sign", "s3:GetObject")
    cases = itertools.product(actions, ("table/a", "table/secret"), ({}, {"k": "v"}), ((), (limit,)), range(2))
    decisions = set()
    for action, resource, context, limits, _ in cases:
        question = evaluator.EvalContext("arn", "Role", "1", action, resource, "here", service_context=context)
        expected = find(question, ours, *limits)
        assert narrowed(question, ours, *limits) == expected
        decisions.add(expected.decision)
    assert decisions == {"Allow", "Deny", "ImplicitDeny"}


def test_what_is_found_for_policies_is_not_told_of_others() -> None:
    finding = requests._once_per_policies(lambda policies, text: (*policies, text))
    for policies in (["a"], ["b"], ["a"]):
        assert finding(policies, "x") == (*policies, "x")
        assert finding(policies, "y") == (*policies, "y")


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Any:
    found = import_module(requests.GATEWAY)
    monkeypatch.setattr(found, "_resources", {})
    monkeypatch.setattr(found, "_rest_apis", {"api": {}})
    return found


def _make(gateway: Any, api: str, *paths: str) -> None:
    gateway._resources[api] = {"r": {"id": "r", "parentId": None, "pathPart": "", "path": "/"}}
    for path in paths:
        gateway._import_path_item(api, path, {})


PATHS = (
    "/", "/users", "/users/me", "/users/{id}", "/users/{id}/keys", "/{any}", "/{any}/deep", "/rooms/{id}/{rest+}",
    "/files/{path+}", "/{all+}", "/rooms/open", "/{}",
)  # fmt: skip


@pytest.mark.parametrize("paths", [PATHS, PATHS[::-1], PATHS[1:4], ("/{any}/deep", "/a/b"), ()])
def test_a_path_leads_to_the_same_resource_as_among_all_of_them(gateway: Any, paths: tuple[str, ...]) -> None:
    _make(gateway, "api", *paths)
    routes = requests.Routes()
    parts = ("users", "me", "rooms", "open", "files", "deep", "a", "b", "keys", "{}", "{id}")
    asked = [[], [""], *(list(each) for length in (1, 2, 3) for each in itertools.product(parts, repeat=length))]
    for segments in asked:
        assert routes.match("api", segments) == gateway._match_resource_tree("api", segments), segments
    assert routes.match("none", ["users"]) == gateway._match_resource_tree("none", ["users"]) == (None, {})


def test_a_new_a_removed_and_a_moved_resource_are_seen_at_once(gateway: Any) -> None:
    _make(gateway, "api", "/users/{id}")
    routes = requests.Routes()
    update = routes.forgetting(gateway._update_resource)

    def there(*segments: str) -> bool:
        found = routes.match("api", list(segments))
        assert found == gateway._match_resource_tree("api", list(segments))
        return found[0] is not None

    assert there("users", "a")
    assert not there("rooms")
    made = json.loads(gateway._create_resource("api", "r", {"pathPart": "rooms"})[2])["id"]
    assert there("rooms")
    update("api", made, {"patchOperations": [{"op": "replace", "path": "/pathPart", "value": "halls"}]})
    assert there("halls")
    assert not there("rooms")
    gateway._delete_resource("api", made)
    assert not there("halls")
    _make(gateway, "api", "/rooms/{id}/{rest+}")
    assert there("rooms", "1", "2", "3")
    assert not there("users", "a")


def test_only_a_queue_with_messages_is_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    queues: dict[str, Any] = {"empty": {"messages": []}, "full": {"messages": ["one"]}}
    monkeypatch.setattr(import_module(requests.SQS), "_queues", queues)
    receiving = requests._unless_empty(lambda url, count: [f"{count} of {url}"])
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
    requests.translate_without_copies()
    found = resources()

    for each in (expected, found):
        each["RestApiDeployment"]["Properties"].pop("Description")  # has the whole hash
    assert found == expected
    assert len(found["RestApi"]["Properties"]["Body"]["paths"]) > 100
