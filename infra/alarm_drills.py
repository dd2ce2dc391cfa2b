"""A fault for each alarm of the templates, and drills of how long the alarm takes to fire and to clear.

A drill plays minutes on a simulated clock: all is well for as long as the alarm looks back, then the fault is present
until the alarm fires, then it is gone until the alarm clears. The alarms are those of a deployment with every option
on; infra/local/alarms.py evaluates them. A metric has its value when a minute is over; AWS writes most metrics within
a minute more, which is not counted here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from infra import generate
from infra.local.alarms import MINUTE_S, MetricValues, children, definitions, in_alarm, looks_back_s

STACK = "secureconnect"
DAY_S = 24 * 3600
LOOKS_HOURLY_FROM_S = DAY_S + 1  # CloudWatch evaluates alarms that look back further than a day once an hour
GIVE_UP = 40  # a drill ends after this many times the span that the alarm looks back
CALLS_A_MINUTE = 10
LOOKS_EVERY_MIN = 5  # LookoutFunction (infra/workflows.yaml)

Definition = Mapping[str, Any]
Values = Callable[[int], tuple[float, ...]]  # the values in minute n of a fault; minute -1 means that all is well


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: an operator's name for it, and the metric's values by the minute."""

    what: str
    values: Values


@dataclass(frozen=True, slots=True)
class Drilled:
    """How long an alarm took to fire and to clear, in seconds."""

    fired_after_s: int
    cleared_after_s: int


class Silent(AssertionError):
    """An alarm did not fire, did not clear, or fired while all was well."""


def _steady(what: str, broken: float, well: tuple[float, ...] = ()) -> Fault:
    return Fault(what, lambda minute: (broken,) if minute >= 0 else well)


def _once(what: str, value: float) -> Fault:
    return Fault(what, lambda minute: (value,) if minute == 0 else ())


def _one_in_five(what: str, *, well: float, broken: float) -> Fault:
    good = (well,) * CALLS_A_MINUTE
    return Fault(what, lambda minute: (*good[2:], broken, broken) if minute >= 0 else good)


def _growing(what: str, each_minute: float) -> Fault:
    return Fault(what, lambda minute: ((minute + 1) * each_minute,))


def _seen_by_the_lookout(what: str) -> Fault:
    """A fault that a look every five minutes finds: at the worst, in the last minute before the next look."""
    return Fault(what, lambda minute: (1,) if minute >= LOOKS_EVERY_MIN - 1 else ())


# By the metric that an alarm evaluates.
FAULTS = {
    "AWS/SQS/ApproximateNumberOfMessagesVisible": _steady("a message cannot be processed and is given up", 1, (0,)),
    "AWS/SQS/ApproximateAgeOfOldestMessage": _growing("the queue's consumer stands still", 60),
    "AWS/Lambda/IteratorAge": _growing("the dispatcher stands still", 60_000),
    "AWS/Lambda/Errors": _steady("two calls a minute fail without an answer", 2, (0,)),
    "AWS/Lambda/Throttles": _steady("thirty calls a minute are throttled", 30, (0,)),
    "AWS/Lambda/Invocations": Fault("the schedule is off", lambda minute: (1,) if minute < 0 else ()),
    "AWS/States/ExecutionsFailed": _once("an execution fails", 1),
    "AWS/States/ExecutionsTimedOut": _once("an execution does not end in its time", 1),
    "AWS/ApiGateway/5XXError": _one_in_five("one call in five fails", well=0, broken=1),
    "AWS/ApiGateway/Latency": _one_in_five("one call in five takes 5 s", well=50, broken=5_000),
    "SecureConnect/SendDuration": _one_in_five("one send in five fails", well=50, broken=30_000),
    "SecureConnect/SignInDuration": _one_in_five("one sign-in in five fails", well=400, broken=30_000),
    "SecureConnect/DeliveryDelay": _one_in_five("one frame in five comes 5 s late", well=100, broken=5_000),
    "SecureConnect/CallSetupFailures": _steady("two calls a minute get no media", 2),
    "SecureConnect/CallSetupTime": _one_in_five("media arrives after 8 s in one call of five", well=900, broken=8_000),
    "SecureConnect/ScheduledOverdue": _steady("five scheduled messages a minute are late", 5),
    "SecureConnect/ExpiryLag": _growing("the sweep erases nothing", 60_000),
    "SecureConnect/SweepFailures": _steady("an item that is due fails in every sweep", 1),
    "SecureConnect/IntakesGivenUp": _once("the intake of a file never ends", 1),
    "SecureConnect/FollowUpLag": _growing("follow-up work is not done", 60_000),
    "SecureConnect/KeyPackagesMissing": _steady("twenty claims a minute find no key package", 20),
    "SecureConnect/AiBudgetExceeded": _steady("ten calls a minute are refused because a budget is used up", 10),
    "SecureConnect/PushDelay": Fault(
        "pushes wait for 15 s", lambda minute: (15_000.0 if minute >= 0 else 300.0,) * CALLS_A_MINUTE
    ),
    "SecureConnect/PushesRefusedFcm": _steady("Firebase refuses thirty a minute", 30),
    "SecureConnect/StoreThrottles": _steady("DynamoDB throttles fifty requests a minute", 50),
    "SecureConnect/CanaryFailed": Fault(
        "each walk fails", lambda minute: (1,) if minute >= 0 and minute % 10 == 0 else ()
    ),
    "SecureConnect/DeadLetters": _seen_by_the_lookout("a message cannot be processed and is given up"),
    "SecureConnect/ExecutionsEndedBadly": _seen_by_the_lookout("an execution fails"),
    "SecureConnect/SchedulesOff": _seen_by_the_lookout("a schedule is off"),
    "SecureConnect/BreakerRejections": _steady("a dependency hangs: its breaker rejects thirty calls a minute", 30),
}


@cache
def alarms() -> dict[str, Definition]:
    """All alarms that can be deployed, resolved, by name: those of burn rates as well as those that they replace."""
    return definitions(generate.observability()["Resources"].values(), STACK)


def fault(name: str) -> Fault:
    """The fault for the alarm called `name`; for a composite alarm, that of the first alarm in its rule."""
    alarm = alarms()[name]
    if "AlarmRule" in alarm:
        return fault(children(alarm)[0])
    about = _metric(alarm)
    return FAULTS[f"{about['Namespace']}/{about['MetricName']}"]


def drill(name: str) -> Drilled:
    """Play the fault of the alarm called `name` until it fires, then its repair until it clears.

    Raises:
        Silent: it did not fire or clear, or fired before the fault.
    """
    alarm = alarms()[name]
    looked_at = [alarms()[each] for each in children(alarm)] if "AlarmRule" in alarm else [alarm]
    broken, about = fault(name), _metric(looked_at[0])
    looked_at = [each for each in looked_at if _metric(each) == about]
    back_s = max(looks_back_s(each) for each in looked_at)
    step_s = 3600 if back_s >= LOOKS_HOURLY_FROM_S else MINUTE_S
    metrics, clock = MetricValues(), _Clock(about, broken.values)

    def runs(metrics_until_s: int, faulty: bool) -> bool:
        clock.play(metrics, metrics_until_s, faulty=faulty)
        return in_alarm(name, alarms(), metrics, metrics_until_s)

    if runs(back_s, faulty=False):
        raise Silent(f"{name} is in alarm while all is well")
    fired_at_s = _first(name, back_s, step_s, back_s * GIVE_UP, lambda at_s: runs(at_s, faulty=True))
    cleared_at_s = _first(name, fired_at_s, step_s, back_s * GIVE_UP, lambda at_s: not runs(at_s, faulty=False))
    return Drilled(fired_at_s - back_s, cleared_at_s - fired_at_s)


def _first(name: str, from_s: int, step_s: int, at_most_s: int, holds: Callable[[int], bool]) -> int:
    for at_s in range(from_s + step_s, from_s + at_most_s, step_s):
        if holds(at_s):
            return at_s
    raise Silent(f"{name} did not change within {at_most_s} s")


class _Clock:
    """Writes a metric's values minute by minute."""

    def __init__(self, about: Definition, values: Values) -> None:
        self._about, self._values = about, values
        self._at_s = self._minutes_of_fault = 0

    def play(self, metrics: MetricValues, until_s: int, *, faulty: bool) -> None:
        of = {each["Name"]: each["Value"] for each in self._about.get("Dimensions", ())}
        if self._about["Namespace"] == "AWS/Lambda" and not of:
            of = {"FunctionName": f"{STACK}-Messages"}
        while self._at_s < until_s:
            minute = self._minutes_of_fault if faulty else -1
            self._minutes_of_fault += faulty
            metrics.add(self._about["Namespace"], self._about["MetricName"], of, self._at_s + 30, *self._values(minute))
            self._at_s += MINUTE_S


def _measured(alarm: Definition) -> Iterator[Definition]:
    yield from (each["MetricStat"] for each in alarm.get("Metrics", ()) if "MetricStat" in each)


def _metric(alarm: Definition) -> Definition:
    """Namespace, name and dimensions of the one metric that an alarm evaluates."""
    found: Definition = next((each["Metric"] for each in _measured(alarm)), alarm)
    return {key: found[key] for key in ("Namespace", "MetricName", "Dimensions") if key in found}
