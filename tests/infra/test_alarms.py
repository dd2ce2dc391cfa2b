"""Whatever can fail by itself has an alarm, each alarm a runbook, and logs end."""

from __future__ import annotations

import re

import pytest

from tests.infra.deployed import FUNCTIONS, functions, of_type
from tests.tools import ROOT

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
    """An alarm costs 0.10 $ a month, so those of each function are there when they are asked for (FunctionAlarms)."""
    of_all = of_type("AWS::CloudWatch::Alarm")["Errors"]
    assert "Condition" not in of_all
    assert "Dimensions" not in of_all["Properties"]
    assert (of_all["Properties"]["Namespace"], of_all["Properties"]["MetricName"]) == ("AWS/Lambda", "Errors")


def test_every_state_machine_has_alarms_for_what_fails_and_what_does_not_end() -> None:
    watched = {
        (alarm["Properties"]["MetricName"], str(alarm["Properties"]["Dimensions"]).partition(":stateMachine:")[2])
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm["Properties"]["Namespace"] == "AWS/States"
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
        assert f"-{name}'" in str(stopped["Dimensions"])


def test_every_alarm_names_a_runbook_that_exists() -> None:
    alarms = of_type("AWS::CloudWatch::Alarm")
    assert alarms
    for name, alarm in alarms.items():
        named = re.search(r"docs/runbooks/[\w-]+\.md", alarm["Properties"]["AlarmDescription"])
        assert named, name
        assert (ROOT / named[0]).is_file(), name
