"""Leaves out work that MiniStack repeats for every request, without a difference that a caller could see (that of
DynamoDB: tables.py).

1. The policies of a role are parsed for each call that the role makes. Here they are remembered by their text.
2. The caller's policies are collected several times for each call. Here they are kept for a second: in IAM, too, a
   changed right takes effect after seconds. The call's signature and its session are checked as ever.
3. Queues with consumers are looked through whenever any queue gets a message. Here empty ones are passed over.
4. All statements of the caller's policies are matched with each call. Here only those that name its action, which are
   kept as long as the policies.
5. The ARNs of all queues with consumers are parsed whenever these are looked through. Here they are remembered.
6. All resources of an API are looked through for each part of a request's path. Here those below the path's first part.
7. SAM's translator copies the description of an API twice for each of its 200 routes, which takes most of its time.
   Here routes are added to the description itself. It has the same content in another order.
"""

import importlib
import json
import operator
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from infra.local.patching import wrap

EVALUATOR = "ministack.core.iam_evaluator"
GATEWAY = "ministack.services.apigateway_v1"
SQS = "ministack.services.sqs"
POLICIES = 1_000
CALLERS, KEPT_S = 1_000, 1.0
ACTIONS = 1_000
ARNS = 1_000
ANY = "{}"  # no part of a path


def apply() -> None:
    wrap(EVALUATOR, "parse_policy_document", _by_content)
    wrap(EVALUATOR, "resolve_principal", _kept_for_a_moment)
    wrap(EVALUATOR, "_action_matches", lambda original: original)  # used below: it must exist
    wrap(EVALUATOR, "evaluate", _of_the_action)
    wrap(EVALUATOR, "_names_condition_key", _once_per_policies)
    wrap("ministack.services.lambda_svc", "parse_arn", lru_cache(ARNS))
    routes = Routes()
    wrap(GATEWAY, "_match_resource_tree", lambda _: routes.match)
    wrap(GATEWAY, "_update_resource", routes.forgetting)
    translate_without_copies()
    wrap(SQS, "_receive_messages_for_esm", _unless_empty)


def translate_without_copies() -> None:
    """Have SAM's translator of this process add routes to the description of an API itself: a quarter of the time."""
    wrap("samtranslator.swagger.swagger", "_deepcopy", _itself)


def _itself(_: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda document: document


def _by_content(parse: Callable[[Any], list[Any]]) -> Callable[[Any], list[Any]]:
    remembered = lru_cache(POLICIES)(parse)

    def parsing(document: Any) -> list[Any]:
        return list(remembered(document if isinstance(document, str) else json.dumps(document)))

    return parsing


def _kept_for_a_moment(resolve: Callable[..., Any]) -> Callable[..., Any]:
    found: dict[tuple[str, str], tuple[float, Any]] = {}
    unknown: type = importlib.import_module(EVALUATOR).AuthError

    def resolving(access_key: str, account: str, *credential: Any, **named: Any) -> Any:
        now = time.monotonic()
        until, caller = found.get((access_key, account), (0.0, None))
        if now < until:
            return caller
        caller = resolve(access_key, account, *credential, **named)
        if not isinstance(caller, unknown):
            if len(found) >= CALLERS:
                found.clear()
            found[access_key, account] = now + KEPT_S, caller
        return caller

    return resolving


def _once_per_policies(find: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """`find` once for the same list of policies, which is compared by identity, and the same text."""
    found: dict[tuple[int, str], tuple[Any, Any]] = {}

    def finding(policies: Any, text: str) -> Any:
        known = found.get((id(policies), text))
        if known is None or known[0] is not policies:
            if len(found) >= ACTIONS:
                found.clear()
            known = found[id(policies), text] = policies, find(policies, text)
        return known[1]

    return finding


def _of_the_action(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    matches = importlib.import_module(EVALUATOR)._action_matches

    @_once_per_policies
    def naming(policies: Any, action: str) -> Any:
        return [
            [each for each in statements if matches(action, each.actions, each.not_actions)] for statements in policies
        ]

    def evaluating(question: Any, policies: Any, *limits: Any) -> Any:
        return evaluate(question, *(naming(each, question.action) for each in (policies, *limits)))

    return evaluating


class Routes:
    """Finds the resource of a path as MiniStack does, among those below the first part of the path.

    They are found anew when an API has other resources than the last time, or one was moved (`forgetting`).
    """

    def __init__(self) -> None:
        self._gateway: Any = importlib.import_module(GATEWAY)
        self._match: Callable[..., Any] = self._gateway._match_recursive
        self._known: dict[str, tuple[list[Any], Any, dict[str, dict[str, Any]]]] = {}

    def match(self, api: str, segments: list[str]) -> tuple[Any, dict[str, str]]:
        """The resource and the parameters of a path; no resource if there is none."""
        resources = self._gateway._resources.get(api, {})
        root, below = self._below(api, resources)
        if root is None or not segments or segments == [""]:
            return root, {}
        return self._match(below.get(segments[0], below[ANY]), root["id"], segments, {})  # type: ignore[no-any-return]

    def _below(self, api: str, resources: dict[str, Any]) -> tuple[Any, dict[str, dict[str, Any]]]:
        """The root, and the resources that a path with this first part may reach; `ANY` for other first parts."""
        there = list(resources.values())
        known = self._known.get(api)
        if known is None or len(known[0]) != len(there) or any(map(operator.is_not, known[0], there)):
            root = next((each for each in there if each.get("path") == "/"), None)
            known = self._known[api] = there, root, _by_first_part(resources, root)
        return known[1], known[2]

    def forgetting(self, update: Callable[..., Any]) -> Callable[..., Any]:
        def updating(*arguments: Any, **options: Any) -> Any:
            try:
                return update(*arguments, **options)
            finally:
                self._known.clear()

        return updating


def _by_first_part(resources: dict[str, Any], root: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {ANY: {}}
    if root is None:
        return found
    firsts = {name: _first_part(resources, each, root["id"]) for name, each in resources.items()}
    for part in {ANY, *firsts.values()}:
        found[part] = {name: resources[name] for name, first in firsts.items() if first in (part, ANY)}
    return found


def _first_part(resources: dict[str, Any], resource: Any, root: str) -> str:
    """The part of the path below the root under which a resource is; ANY for a parameter, and for what has none."""
    while (parent := resource.get("parentId")) != root and parent in resources:
        resource = resources[parent]
    part: str = resource.get("pathPart") or ""
    return ANY if parent != root or part.startswith("{") else part


def _unless_empty(receive: Callable[[str, int], list[Any]]) -> Callable[[str, int], list[Any]]:
    queues = importlib.import_module(SQS)._queues

    def receiving(url: str, count: int) -> list[Any]:
        queue = queues.get(url)
        return receive(url, count) if queue is None or queue["messages"] else []

    return receiving
