"""The dashboard's metrics exist, all metrics are on it, and it fits one screen and the free tier."""

from __future__ import annotations

import json
import re
from typing import Any

from infra import generate, translated
from tests.tools import ROOT

FREE_METRICS = 50  # per dashboard (CloudWatch pricing, free tier)
GROUPS = (
    "HTTP", "Store", "Redis", "Sockets", "Messages", "Delivery", "Calls", "Push", "Sign-ins", "Rate limits",
    "Breakers", "Queues", "Functions", "Canary", "REST calls and DynamoDB",
)  # fmt: skip


def _body() -> dict[str, Any]:
    """The resolved dashboard of a deployment."""
    deployed = translated.deployment({"Environment": "prod", "Dashboard": "on"})
    (found,) = (each for each in deployed.values() if each.kind == "AWS::CloudWatch::Dashboard")
    body: dict[str, Any] = json.loads(found.properties["DashboardBody"])
    return body


def _lines() -> list[list[Any]]:
    panels = [each["properties"] for each in _body()["widgets"] if each["type"] == "metric"]
    return [line for panel in panels for line in panel["metrics"]]


def _metrics() -> list[list[Any]]:
    return [line for line in _lines() if len(line) > 1]


def test_there_is_none_unless_it_is_asked_for() -> None:
    deployed = translated.deployment({"Environment": "prod"})
    assert not [each for each in deployed.values() if each.kind == "AWS::CloudWatch::Dashboard"]


def test_it_shows_each_group_and_the_state_of_the_alarms() -> None:
    alarms, *panels = _body()["widgets"]
    assert len(alarms["properties"]["alarms"]) > 20
    assert all(
        arn.startswith("arn:aws:cloudwatch:us-east-1:123456789012:alarm:") for arn in alarms["properties"]["alarms"]
    )
    titles = [panel["properties"]["title"] for panel in panels]
    for group in GROUPS:
        assert any(title.startswith(group) for title in titles), group


def test_its_panels_lie_side_by_side_on_its_24_units() -> None:
    taken: set[tuple[int, int]] = set()
    for each in _body()["widgets"]:
        cells = {
            (x, y)
            for x in range(each["x"], each["x"] + each["width"])
            for y in range(each["y"], each["y"] + each["height"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_it_has_no_more_metrics_than_are_free() -> None:
    assert len(_metrics()) <= FREE_METRICS


def test_an_own_metric_on_it_is_counted_by_the_code_with_the_dimensions_that_it_is_asked_for() -> None:
    """A total over the stack has only the stack as a dimension; other metrics have their function as well."""
    code = "\n".join(
        path.read_text() for folder in ("layers/shared/kernel", "functions") for path in (ROOT / folder).rglob("*.py")
    )
    shared = set(re.findall(r'(?:total|timed)\(\s*"(\w+)"', code)) | set(re.findall(r'count\("(Store\w+)"', code))
    shared |= set(re.findall(r'"(Store(?:Errors|Throttles))"', code))
    own = set(re.findall(r'(?:count|found)\(\s*"(\w+)"', code))
    for namespace, name, *rest in _metrics():
        dimensions = dict(zip(rest[:-1:2], rest[1:-1:2], strict=True))
        if namespace != generate.OWN_METRICS:
            continue
        assert dimensions["service"] == "secureconnect"
        if name.startswith(("PushesDelivered", "PushesRefused")):
            assert "Pushes{result.title()}{name}" in code
        elif dimensions.keys() == {"service"}:
            assert name in shared, name
        else:
            assert dimensions.keys() == {"function", "service"}
            assert name in own, name
            assert f'"{dimensions["function"]}"' in code, dimensions


def test_an_expression_asks_for_what_has_a_name() -> None:
    lines = _lines()
    named = {line[-1]["id"] for line in lines if "id" in line[-1]}
    for line in lines:
        expression = line[-1].get("expression", "")
        if expression and not expression.startswith("SELECT"):
            assert set(re.findall(r"[a-z]+", expression)) <= named
