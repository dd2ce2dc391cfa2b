"""Everything that can fail by itself has an alarm, each alarm has a runbook, and logs expire."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import Any

import pytest

from infra import costs, generate, translated
from operations import unattended
from tests.infra.deployed import FUNCTIONS, STREAM_CONSUMERS, Function, functions, of_type
from tests.tools import ROOT, template

pytestmark = pytest.mark.usefixtures("settings")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_log_group_that_ends_and_an_alarm(name: str) -> None:
    short = name.removesuffix("Function")
    groups = {
        resource["Properties"]["LogGroupName"]["Fn::Sub"]: resource["Properties"]
        for resource in of_type("AWS::Logs::LogGroup").values()
    }
    assert groups[f"/aws/lambda/${{Prefix}}-{short}"]["RetentionInDays"]
    assert f"{short}Errors" in of_type("AWS::CloudWatch::Alarm")


def test_errors_of_any_function_raise_an_alarm_also_where_functions_have_none_of_their_own() -> None:
    """An alarm costs 0.10 $ a month, so those of each function are optional (FunctionAlarms)."""
    of_all = of_type("AWS::CloudWatch::Alarm")["Errors"]
    assert "Condition" not in of_all
    assert "Dimensions" not in of_all["Properties"]
    assert (of_all["Properties"]["Namespace"], of_all["Properties"]["MetricName"]) == ("AWS/Lambda", "Errors")


def test_every_state_machine_has_alarms_for_what_fails_and_what_does_not_end() -> None:
    watched = {
        (alarm["Properties"]["MetricName"], str(alarm["Properties"]["Dimensions"]).partition(":stateMachine:")[2])
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm["Properties"].get("Namespace") == "AWS/States"
    }
    machines = [each["Properties"]["Name"]["Fn::Sub"] for each in of_type("AWS::Serverless::StateMachine").values()]
    assert machines
    for name in machines:
        for metric in ("ExecutionsFailed", "ExecutionsTimedOut"):
            assert [named for of, named in watched if of == metric and named.startswith(f"{name}'")], (name, metric)


def test_what_runs_by_the_clock_has_an_alarm_for_when_it_stops() -> None:
    scheduled = [
        name.removesuffix("Function")
        for name, each in functions().items()
        if any(event["Type"] == "Schedule" for event in each.properties.get("Events", {}).values())
    ]
    assert scheduled
    for name in scheduled:
        stopped = of_type("AWS::CloudWatch::Alarm")[f"{name}Stopped"]["Properties"]
        assert stopped["TreatMissingData"] == "breaching"
        ran_every_s = _interval_s(functions()[f"{name}Function"])
        assert stopped["Period"] * stopped["EvaluationPeriods"] >= 2 * ran_every_s, "or it fires between two runs"
        assert f"-{name}'" in str(stopped["Dimensions"])


# --- the lookout sees what single queues, machines and schedules have an alarm for with FunctionAlarms=on only ---


def test_the_lookout_knows_every_machine_schedule_and_dead_letter_queue() -> None:
    machines = {each["Properties"]["Name"]["Fn::Sub"] for each in of_type("AWS::Serverless::StateMachine").values()}
    assert {f"${{Prefix}}-{name}" for name in unattended.MACHINES} == machines
    scheduled = {
        name.removesuffix("Function")
        for name, each in functions().items()
        if any(event["Type"] == "Schedule" for event in each.events)
    }
    assert {*unattended.SCHEDULES, "Canary", "Lookout"} == scheduled
    names = [each["Properties"]["QueueName"]["Fn::Sub"] for each in of_type("AWS::SQS::Queue").values()]
    dead = [name for name in names if "dead" in name]
    assert len(dead) > 10
    assert all(re.fullmatch(r"\$\{[\w:]+\}-\w+-dead", name) for name in dead), "the lookout finds it by its name"


def test_the_alarms_of_what_the_lookout_finds_and_of_itself_are_always_deployed() -> None:
    for name in ("DeadLetters", "ExecutionsEndedBadly", "SchedulesOff", "LookoutStopped", "LookoutErrors"):
        assert "Condition" not in of_type("AWS::CloudWatch::Alarm")[name], name


def test_a_look_that_fails_with_both_its_repetitions_raises_an_alarm() -> None:
    """A look every five minutes fails too seldom for the alarm on all functions' errors."""
    errors = of_type("AWS::CloudWatch::Alarm")["LookoutErrors"]["Properties"]
    assert errors["Threshold"] <= 3
    for name in ("DeadLetters", "ExecutionsEndedBadly", "SchedulesOff"):
        looks_back_s = of_type("AWS::CloudWatch::Alarm")[name]["Properties"]["Period"]
        assert looks_back_s >= 2 * _interval_s(functions()["LookoutFunction"]), "or it clears between two looks"


# Queues whose delay another alarm shows, or does no harm.
NOT_WATCHED = {
    "presence": "who is there is told anew",
    "receipts": "receipts are told anew with the next",
    "assistant": "whoever asked waits for the answer, and asks again",
}


def test_whoever_reads_a_queue_or_a_stream_is_watched_for_standing_still() -> None:
    """A consumer that takes nothing makes no errors, so only an alarm on the queue's age shows it."""
    watched = {
        each["Value"]["Fn::Sub"].partition("}-")[2]
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm["Properties"].get("MetricName") in ("ApproximateAgeOfOldestMessage", "IteratorAge")
        for each in alarm["Properties"]["Dimensions"]
    }
    queues = {
        queue["Properties"]["QueueName"]["Fn::Sub"].partition("}-")[2] for queue in of_type("AWS::SQS::Queue").values()
    }
    read = {name for name in queues if not name.endswith("-dead")}
    assert watched & read | NOT_WATCHED.keys() == read
    assert {name.removesuffix("Function") for name in STREAM_CONSUMERS} <= watched


def test_every_alarm_names_a_runbook_that_exists() -> None:
    alarms = of_type("AWS::CloudWatch::Alarm") | of_type("AWS::CloudWatch::CompositeAlarm")
    assert alarms
    for name, alarm in alarms.items():
        named = re.search(r"docs/runbooks/[\w-]+\.md", alarm["Properties"]["AlarmDescription"])
        assert named, name
        assert (ROOT / named[0]).is_file(), name


def _interval_s(function: Function) -> int:
    """The interval (s) of a scheduled function."""
    (found,) = (each["Properties"]["Schedule"] for each in function.events if each["Type"] == "Schedule")
    if not isinstance(found, str):
        return 60 * int(max(template("template.yaml")["Parameters"]["CanaryMinutes"]["AllowedValues"]))
    amount, unit = re.fullmatch(r"rate\((\d+) (minute|day)s?\)", found).groups()  # type: ignore[union-attr]
    return int(amount) * {"minute": 60, "day": 86400}[unit]


@cache
def _objectives() -> dict[str, Any]:
    return tomllib.loads(generate.OBJECTIVES.read_text())


def test_the_objectives_are_those_that_are_promised() -> None:
    """R45: sends acknowledged 99.95 % and p99 within 500 ms, delivery within 2 s 99.9 %, sign-in 99.9 %."""
    promised = {name: (each["objective"], each["statistic"]) for name, each in _objectives()["objectives"].items()}
    assert promised["Send"] == (99.95, "PR(:10000)")
    assert promised["SendLatency"] == (99, "PR(:500)")
    assert promised["Delivery"] == (99.9, "PR(:2000)")
    assert promised["SignIn"] == (99.9, "PR(:10000)")


def test_a_budget_that_burns_is_seen_over_two_windows_of_an_hour_and_of_six_and_over_three_days() -> None:
    pairs = [(each["burn"], each["long"]["period"], each["short"]["period"]) for each in _objectives()["windows"]]
    assert pairs == [(14.4, 3600, 300), (6, 6 * 3600, 1800)]
    slow = _objectives()["slow"]
    assert (slow["burn"], slow["period"] * slow["times"]) == (1, 3 * 86400)


def _with_slos() -> dict[str, translated.Resource]:
    return translated.deployment({"Environment": "prod", "SloAlarms": "on", "AlarmTopicArn": "arn:aws:sns:x:1:y"})


def test_one_alarm_wakes_somebody_for_all_objectives_and_names_only_alarms_that_are_there() -> None:
    deployed = _with_slos().values()
    (together,) = (each for each in deployed if each.kind == generate.COMPOSITE)
    assert together.properties["AlarmActions"]
    alarms = {each.properties["AlarmName"]: each for each in deployed if each.kind == generate.ALARM}
    named = re.findall(r"ALARM\(([^)]+)\)", together.properties["AlarmRule"])
    assert len(named) == 4 * len(_objectives()["objectives"])
    assert not any("AlarmActions" in alarms[name].properties for name in named)


def test_alarms_of_objectives_are_a_choice_with_a_price_and_stand_in_for_others() -> None:
    without = costs.total(costs.monthly(translated.deployment({"Environment": "prod"}).values()))
    deployed = _with_slos()
    assert costs.total(costs.monthly(deployed.values())) == pytest.approx(without + 3.7)
    assert (
        not {"Observability.FanoutAge", "Observability.ApiServerErrors", "Observability.ApiLatency"} & deployed.keys()
    )
