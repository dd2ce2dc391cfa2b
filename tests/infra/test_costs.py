"""The cost of an idle deployment is computed from its resources, and stays within its budget."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from infra import costs, forms, translated
from infra.local.parameters import configured


@cache
def deployed(environment: str, **parameters: str) -> dict[str, translated.Resource]:
    return translated.deployment({"Environment": environment, **parameters})


def bill(kind: str, **properties: Any) -> list[costs.Item]:
    return costs.monthly([translated.Resource("x", kind, properties, {})])


@pytest.mark.parametrize("environment", costs.BUDGETS)
def test_an_environment_keeps_to_its_budget_when_nobody_uses_it(environment: str) -> None:
    items = costs.monthly(deployed(environment).values())
    assert {"secrets", "keys", "sweeps", "lookout", "asking empty queues"} <= {item.what for item in items}
    assert costs.total(items) <= costs.BUDGETS[environment], items


def test_production_keeps_to_its_budget_with_the_canary_that_it_is_configured_with() -> None:
    given = dict(word.split("=", 1) for word in configured("prod"))
    assert int(given["CanaryMinutes"]) > 0
    items = costs.monthly(deployed(given.pop("Environment"), **given).values())
    assert {"canary", "lookout", "alarms"} <= {item.what for item in items}
    assert costs.total(items) <= costs.BUDGETS["prod"], items


def alarms(environment: str, **parameters: str) -> set[str]:
    made = deployed(environment, **parameters).values()
    return {each.path.removeprefix("Observability.") for each in made if each.kind == "AWS::CloudWatch::Alarm"}


TOPIC = "arn:aws:sns:us-east-1:1:alarms"


def test_dev_and_staging_have_all_alarms_once_somebody_is_told_or_looks_at_them() -> None:
    assert not alarms("dev")
    assert alarms("dev", AlarmTopicArn=TOPIC) == alarms("staging", AlarmTopicArn=TOPIC) == alarms("prod")
    assert alarms("dev", Dashboard="on") == alarms("staging", Dashboard="on") == alarms("prod")
    assert len(alarms("prod")) > 20


def test_staging_always_has_the_alarms_that_take_a_version_back() -> None:
    watching = forms.of({"Environment": "staging"}).alarms
    assert alarms("staging") == set(watching) != set()
    assert not alarms("staging", Rollout="at-once")


def test_what_a_deployment_does_without_has_no_alarms() -> None:
    whole = {"AiMeaning": "on", "AiModeration": "on", "FcmSecretArn": "arn:aws:secretsmanager:us-east-1:1:secret:fcm"}
    more = alarms("prod", **whole) - alarms("prod")
    assert more == {"MeaningAge", "ModerationAge", "PushesRefused"}


def test_before_a_deployment_it_is_said_what_it_lacks_and_what_more_would_cost() -> None:
    assert any("TurnUrls" in line for line in costs.lacking({"Environment": "dev"}))
    assert not any("TurnUrls" in line for line in costs.lacking({"Environment": "dev", "TurnUrls": "turn:a"}))
    more = dict(costs.choices({"Environment": "prod", "Dashboard": "on"}))
    assert more.keys() == {
        *("CacheMode=serverless", "Firewall=on", "SloAlarms=on", "FunctionAlarms=on", "SnapStart=interactive"),
        "CanaryMinutes=10",
    }
    assert all(dollars > 0.2 for dollars in more.values())


def test_metrics_of_each_route_are_off() -> None:
    assert costs.metrics_of_routes(deployed("prod")) == 0


def test_an_alarm_of_each_function_is_a_choice_with_a_price() -> None:
    without = costs.total(costs.monthly(deployed("prod").values()))
    assert costs.total(costs.monthly(deployed("prod", FunctionAlarms="on").values())) > without + 4


def test_a_dashboard_is_a_choice_with_a_price() -> None:
    without = costs.total(costs.monthly(deployed("prod").values()))
    with_one = costs.total(costs.monthly(deployed("prod", Dashboard="on").values()))
    assert with_one == pytest.approx(without + costs.DASHBOARD)


def test_the_canary_is_a_choice_with_a_price() -> None:
    without = costs.total(costs.monthly(deployed("prod").values()))
    items = costs.monthly(deployed("prod", CanaryMinutes="10").values())
    (walks,) = (item for item in items if item.what == "canary")
    assert 0.1 < walks.dollars < 1
    assert costs.total(items) == pytest.approx(without + walks.dollars + costs.ALARM)
    assert "canary" not in {item.what for item in costs.monthly(deployed("dev").values())}


def test_a_key_of_ones_own_for_the_tables_is_a_choice_with_a_price() -> None:
    without = costs.total(costs.monthly(deployed("prod").values()))
    items = costs.monthly(deployed("prod", TableKey="own").values())
    assert costs.total(items) == pytest.approx(without + costs.KEY)
    assert costs.total(costs.monthly(deployed("local", TableKey="own").values())) == pytest.approx(
        costs.total(costs.monthly(deployed("local").values()))
    )


def test_snapshots_are_a_choice_with_a_price_by_memory() -> None:
    (of_one,) = bill("AWS::Lambda::Function", MemorySize=512, SnapStart={"ApplyOn": "PublishedVersions"})
    assert of_one.dollars == pytest.approx(1.98, abs=0.01)
    items = costs.monthly(deployed("prod", SnapStart="interactive").values())
    (all_of_them,) = (item for item in items if item.what == "snapshots")
    assert all_of_them.dollars >= all_of_them.count * of_one.dollars * 0.9
    assert "snapshots" not in {item.what for item in costs.monthly(deployed("prod").values())}


def test_an_alarm_costs_by_the_metrics_that_it_looks_at() -> None:
    (plain,) = bill("AWS::CloudWatch::Alarm", Namespace="AWS/Lambda")
    (of_two,) = bill("AWS::CloudWatch::Alarm", Metrics=[{"MetricStat": {}}, {"MetricStat": {}}, {"Expression": "a+b"}])
    assert (plain.dollars, of_two.dollars) == (0.10, 0.20)


def test_a_sweep_costs_by_how_often_it_looks() -> None:
    (often,) = bill("AWS::Events::Rule", ScheduleExpression="rate(1 minute)")
    (seldom,) = bill("AWS::Events::Rule", ScheduleExpression="rate(5 minutes)")
    assert often.dollars == pytest.approx(5 * seldom.dollars)
    assert 0.01 < often.dollars < 0.2


def test_a_look_every_five_minutes_costs_less_than_one_alarm() -> None:
    rule = translated.Resource(
        "Workflows.LookoutFunctionOften", "AWS::Events::Rule", {"ScheduleExpression": "rate(5 minutes)"}, {}
    )
    (look,) = costs.monthly([rule])
    assert 0.01 < look.dollars < costs.ALARM


def test_what_costs_without_use_is_on_the_bill() -> None:
    (cache_,) = bill("AWS::ElastiCache::ServerlessCache")
    (wall,) = bill("AWS::WAFv2::WebACL", Rules=[{}, {}])
    assert 5 < cache_.dollars < 10
    assert wall.dollars == 7


def test_routes_with_metrics_would_be_noticed() -> None:
    stage = {"MethodSettings": [{"MetricsEnabled": True}]}
    resources = {
        "Stage": translated.Resource("Stage", "AWS::ApiGateway::Stage", stage, {}),
        "Api": translated.Resource("Api", "AWS::ApiGateway::RestApi", {"Body": {"paths": {"/a": {}, "/b": {}}}}, {}),
    }
    assert costs.metrics_of_routes(resources) == pytest.approx(2.4)
