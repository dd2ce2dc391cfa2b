"""Each alarm that can be deployed fires on its fault, and clears after the repair."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra import alarm_drills, generate, translated
from infra.local.alarms import MetricValues, in_alarm
from kernel import clock, telemetry
from tests.helpers import CONTEXT
from tests.tools import ROOT, captured_lines

pytestmark = pytest.mark.usefixtures("settings")
ALARMS = sorted(alarm_drills.alarms())
WITHIN_MINUTES = 20  # except for alarms that look back further
NOW_S = 1_800_000_000


def _back_s(alarm: Any) -> int:
    periods = [each["MetricStat"]["Period"] for each in alarm.get("Metrics", ()) if "MetricStat" in each]
    return int(alarm["EvaluationPeriods"]) * int(alarm.get("Period") or periods[0])


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_fires_and_clears(name: str) -> None:
    """`drill` raises Silent for an alarm that does not fire or clear, or fires while all is well."""
    took = alarm_drills.drill(name)
    alarm = alarm_drills.alarms()[name]
    at_most_s = WITHIN_MINUTES * 60 if "AlarmRule" in alarm else max(WITHIN_MINUTES * 60, _back_s(alarm))
    assert 0 < took.fired_after_s <= at_most_s
    assert took.cleared_after_s > 0


def test_the_alarms_are_those_of_the_templates() -> None:
    """The drills resolve alarms by themselves, because translating all templates takes half a minute."""
    deployed = translated.deployment({"Environment": "prod", "FunctionAlarms": "on", "SloAlarms": "on"})
    made = [each.properties for each in deployed.values() if each.kind in (generate.ALARM, generate.COMPOSITE)]
    assert len(made) > 100
    for alarm in made:
        worked_out = dict(alarm_drills.alarms()[alarm["AlarmName"]])
        for key in ("Dimensions", "Metrics", "Threshold", "Period", "AlarmRule"):
            expected = _of_that_account(alarm.get(key))
            assert _of_that_account(worked_out.get(key)) == expected, (alarm["AlarmName"], key)


def _of_that_account(value: Any) -> str:
    return re.sub(r"arn:[^/]*?stateMachine:", "arn:", str(value))


OWN = [name for name in ALARMS if "SecureConnect" in str(alarm_drills.alarms()[name])]


CODE = "\n".join(
    path.read_text() for folder in ("layers/shared/kernel", "functions") for path in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("name", OWN)
def test_an_alarm_of_our_own_metric_reads_it_from_the_lines_of_the_functions(name: str) -> None:
    """An alarm on a name or dimension that the code never writes would never fire."""
    alarm = alarm_drills.alarms()[name]
    about = next((each["MetricStat"]["Metric"] for each in alarm.get("Metrics", ()) if "MetricStat" in each), alarm)
    of = {each["Name"]: each["Value"] for each in about["Dimensions"]}
    written_as = r"(?:count|found)\(\s*" if "function" in of else r"(?:(?:total|timed)\(\s*|measured_as=)"
    assert about["MetricName"] in ("PushesRefusedFcm", "StoreThrottles") or re.search(
        f'{written_as}"{about["MetricName"]}"', CODE
    )
    assert "function" not in of or f'"{of["function"]}"' in CODE
    metrics = MetricValues()
    step_s = 600 if _back_s(alarm) > 86_400 else 60
    for number, back_s in enumerate(range(_back_s(alarm), 0, -step_s)):
        values = alarm_drills.fault(name).values(1_000 if number else 0)
        with (
            clock.held((NOW_S - back_s) * clock.SECOND),
            captured_lines() as lines,
            telemetry.call(of.get("function", "any"), CONTEXT) as line,
        ):
            for value in values:
                (line.count if "function" in of else line.timed)(about["MetricName"], value)
        service = lines.only["service"]
        metrics.add_line(re.sub(rf'"service":\s*"{service}"', f'"service":"{of["service"]}"', lines.text))
    assert in_alarm(name, alarm_drills.alarms(), metrics, NOW_S)
