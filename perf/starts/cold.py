"""Cold starts: the time to import each function and to answer its first call, in a fresh interpreter.

The interpreter is started like Lambda's: without site packages, with the built function and its layers on the path. Its
calls go to the in-process stack's fakes through a port. The start of the interpreter itself is not counted.

Milliseconds depend on the machine as much as on the function. So each start follows one of a bare handler (`cold_bare`:
boto3 as installed, a DynamoDB client, one GetItem), and the ratio of their CPU times is judged, which other load
affects least. Where each function is started once, two functions share the bare start before them, and one that comes
out above its limit, or near it, is started again, so that a single start does not decide. With several starts, both are
also measured once while limited to the share of a core that Lambda gives 512 MB.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3

from perf import budgets
from perf.aws_proxy import aws_proxy
from perf.budgets import Budget, Verdict
from perf.fixtures import create, say
from perf.gateway import http
from perf.in_process_stack import in_process_stack
from perf.operations import PASSWORD
from perf.packages import Build
from perf.people import newcomers
from perf.report import Table, number
from perf.starts import held
from perf.starts.imports import heavy, unneeded
from perf.template import ROOT, Function, functions

CHILD = Path(__file__).with_name("cold_child.py")
TIMEOUT_S = 60
SHARE = 512 / 1769  # of a core for 512 MB: 0.29 (Lambda, "Configure memory")
BARE = "cold_bare.handler"  # in the child's folder, so that its interpreter finds it
BARE_PACKAGES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3")
MAX_OF_BARE = 1.0  # limit for import and first call of functions with HTTP routes
MAX_OF_BARE_ON_SOCKETS = 0.9
EDGE = 0.1  # a single start varies by some 0.06; from this much below its limit on
STARTS_AT_THE_EDGE = 3  # the median of so many starts counts
SETTINGS = (
    *("ENVIRONMENT", "STACK_NAME", "REDIS_URL", "SOCKET_API_ID", "ADDRESS_LIMIT_FACTOR", "PUBLIC_URL"),
    *("KEY_ARN", "QUEUE_URLS", "MAIL_QUEUE_URL"),
    *("STATE_MACHINES", "BLOB_BUCKET"),
)


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Medians of one function in ms and in CPU ms, multiples of the bare start, and the imported modules."""

    function_id: str
    import_ms: float
    first_call_ms: float
    start_ms: float  # import and first call of the same start
    second_call_ms: float
    cpu_ms: float  # of import and first call, without bcrypt
    of_bare: float  # cpu_ms as a multiple of the bare start's
    time_of_bare: float  # start_ms without bcrypt, as a multiple of the bare start's
    held_of_bare: float | None  # time_of_bare with both limited to SHARE of a core, which takes 3 times as long
    modules: int  # number of modules loaded after the first call
    imported: tuple[str, ...]
    used: tuple[str, ...]
    unneeded: tuple[str, ...]
    answered: str
    load: float  # load average before the start


@dataclass(frozen=True, slots=True)
class ColdStarts:
    """All functions, the bare start, and the method by which processes were limited."""

    functions: list[ColdStart]
    bare_ms: float
    bare_cpu_ms: float
    held_by: str


@dataclass(frozen=True, slots=True)
class _Reports:
    """The reports of one function's starts, of the bare start before each, and of a limited pair (bare, function)."""

    bare: Sequence[Mapping[str, Any]]
    function: Sequence[Mapping[str, Any]]
    held: tuple[Mapping[str, Any], Mapping[str, Any]] | None


def measure(
    build: Build,
    *,
    runs: int,
    done: Callable[[str], None] = print,
    only: Collection[str] = (),
    hold: bool = True,
) -> ColdStarts:
    """Start every function of the templates, or those in `only`, `runs` times.

    With `hold` each is started once more with limited CPU.
    """
    with (
        in_process_stack(),
        aws_proxy() as address,
        tempfile.TemporaryDirectory() as folder,
        held.group() as group,
    ):
        starts = _Starts(build, Path(folder), _environment(address), group)
        found: list[ColdStart] = []
        bare: list[Mapping[str, Any]] = []
        for function in functions().values():
            if only and function.id not in only:
                continue
            load, *_ = os.getloadavg()
            reports = starts.of(function, runs, hold=hold)
            bare += reports.bare
            found.append(_summary(function, reports, load))
            done(function.id)
    by = "a control group" if group else "stopping and continuing it"
    return ColdStarts(found, _median(bare, _start_s) * 1000, _median(bare, _cpu_s) * 1000, by)


class _Starts:
    """Starts interpreters with a function or with the bare handler."""

    def __init__(self, build: Build, folder: Path, environment: Mapping[str, str], group: held.Group | None) -> None:
        self._build = build
        self._folder = folder
        self._environment = environment
        self._group = group
        self._events = _Events()
        self._bare = folder / "bare"
        self._bare.mkdir()
        self._unused: dict[str, Any] | None = None  # a bare start that one more function may have
        for name in BARE_PACKAGES:
            (self._bare / name).symlink_to(Path(boto3.__file__).parents[1] / name)

    def of(self, function: Function, runs: int, *, hold: bool) -> _Reports:
        """Start a function `runs` times, each after a bare start, and with `hold` once more with both limited."""
        pairs = [(self._lent() if runs == 1 else self._start_bare(1.0), self._own(function, 1.0)) for _ in range(runs)]
        if runs == 1 and _may_be_above(function, *pairs[0]):
            pairs += [(self._start_bare(1.0), self._own(function, 1.0)) for _ in range(STARTS_AT_THE_EDGE - 1)]
        held_pair = (self._start_bare(SHARE), self._own(function, SHARE)) if hold else None
        return _Reports([bare for bare, _ in pairs], [own for _, own in pairs], held_pair)

    def _own(self, function: Function, share: float) -> dict[str, Any]:
        return self._start(function.handler, self._events.of(function), self._build.paths(function), share)

    def _start_bare(self, share: float) -> dict[str, Any]:
        return self._start(BARE, {"table": "users"}, [str(self._bare)], share)

    def _lent(self) -> dict[str, Any]:
        """The bare start that came before the previous function, or a new one for this function and the next."""
        found = self._unused or self._start_bare(1.0)
        self._unused = None if self._unused else found
        return found

    def _start(self, handler: str, event: dict[str, Any], paths: Sequence[str], share: float) -> dict[str, Any]:
        given, report = self._folder / "event.json", self._folder / "report.json"
        given.write_text(json.dumps(event))
        command = [sys.executable, "-S", "-s", "-B", str(CHILD), handler, str(given), str(report), *paths]
        by = self._group
        held.run(command, environment=self._environment, folder=self._folder, share=share, by=by, timeout_s=TIMEOUT_S)
        found: dict[str, Any] = json.loads(report.read_text())
        return found


class _Events:
    """The sample events of events/, with existing people and conversations."""

    def __init__(self) -> None:
        self._name = 0

    def of(self, function: Function) -> dict[str, Any]:
        """A sample event with its placeholders filled in; each start gets fresh tickets, which are valid once."""
        text = (ROOT / "events" / f"{function.id}.json").read_text()
        for placeholder, value in self._values(function).items():
            text = text.replace(placeholder, value)
        event: dict[str, Any] = json.loads(text)
        return event

    def _values(self, function: Function) -> Mapping[str, str]:
        """What stands for the samples: people of its own, so that a function finds nothing of those before it."""
        caller, other = newcomers(2)
        conversation = create(other, [caller])
        values = {
            "eyJhbGciOiJFUzI1NiJ9.sample.sample": caller.access_token,
            "usr_01kb0000000000000000000001": caller.user_id,
            "ses_01kb0000000000000000000003": caller.session_id,
            "cnv_01kb0000000000000000000000": conversation,
        }
        if function.id in ("EditMessageFunction", "DeleteMessageFunction", "ReactFunction"):
            values["msg_01kb00000000000000000000002"] = say(caller, conversation).json()["id"]
        if function.id == "SignInFunction":
            self._name += 1
            name = f"cold.{self._name}"
            account = {"email": f"{name}@example.com", "username": name, "password": PASSWORD, "display_name": "Ada"}
            http("SignInFunction", "POST /auth/register", body=account)
            values |= {'\\"ada\\"': f'\\"{name}\\"', "correct horse battery": PASSWORD}
        if function.id == "SessionsFunction":
            values['\\"sample\\"'] = f'\\"{newcomers(1)[0].refresh_token}\\"'
        if function.id == "AuthorizeFunction":
            ticket = http("RealtimeFunction", "POST /realtime/tickets", caller).json()["ticket"]
            values['"sample"'] = f'"{ticket}"'
        return values


def _environment(address: str) -> dict[str, str]:
    kept = ("PATH", "LANG", "LD_LIBRARY_PATH", "HOME")
    inherited = {name: os.environ[name] for name in kept if name in os.environ}
    settings = {name: os.environ[name] for name in SETTINGS}
    aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    return {**inherited, **aws, **settings, "AWS_ENDPOINT_URL": address, "LAMBDA_TASK_ROOT": "/var/task"}


def _start_s(report: Mapping[str, Any]) -> float:
    """The seconds for import and first call, without bcrypt, which is slow on purpose."""
    marks = report["marks"]
    return float(marks[2][0] - marks[0][0] - report["bcrypt"][0])


def _cpu_s(report: Mapping[str, Any]) -> float:
    marks = report["marks"]
    return float(marks[2][1] - marks[0][1] - report["bcrypt"][1])


def _median(reports: Iterable[Mapping[str, Any]], of: Callable[[Mapping[str, Any]], float]) -> float:
    return statistics.median(map(of, reports))


def _ratio(reports: _Reports, of: Callable[[Mapping[str, Any]], float]) -> float:
    """The median ratio of each start to the bare one before it; the limited pair is not included."""
    pairs = zip(reports.function, reports.bare, strict=True)
    return statistics.median(of(function) / of(bare) for function, bare in pairs)


def _summary(function: Function, reports: _Reports, load: float) -> ColdStart:
    def median(start: int, end: int) -> float:
        return _median(free, lambda report: report["marks"][end][0] - report["marks"][start][0]) * 1000

    free, last = reports.function, reports.function[-1]
    return ColdStart(
        function_id=function.id,
        import_ms=median(0, 1),
        first_call_ms=median(1, 2),
        start_ms=median(0, 2),
        second_call_ms=median(2, 3),
        cpu_ms=_median(free, _cpu_s) * 1000,
        of_bare=_ratio(reports, _cpu_s),
        time_of_bare=_ratio(reports, _start_s),
        held_of_bare=_start_s(reports.held[1]) / _start_s(reports.held[0]) if reports.held else None,
        modules=last["modules"],
        imported=tuple(sorted(heavy(last["imported"]))),
        used=tuple(sorted(heavy(last["used"]))),
        unneeded=tuple(sorted(unneeded(function.id, last["used"], called=True))),
        answered=_answered(last["answer"]),
        load=load,
    )


def _answered(answer: Any) -> str:
    """The second call's answer in a word, which shows whether it did the work to measure."""
    if not isinstance(answer, dict):
        return "ok"
    body = answer.get("body")
    if isinstance(body, str) and '"problem"' in body:
        return str(json.loads(body)["problem"]["code"])
    return str(answer.get("raised") or answer.get("statusCode") or "ok")


def _limit(function: Function) -> float | None:
    """The limit in multiples of the bare start; None for functions that nobody waits for."""
    if not function.answers_people:
        return None
    return MAX_OF_BARE if function.serves_http else MAX_OF_BARE_ON_SOCKETS


def _may_be_above(function: Function, bare: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    most = _limit(function)
    return most is not None and _cpu_s(own) / _cpu_s(bare) > most - EDGE


def _verdict(start: ColdStart) -> Verdict | None:
    """The verdict against the bare start; None for functions that nobody waits for."""
    most = _limit(functions()[start.function_id])
    if most is None:
        return None
    return Budget(start.function_id, "CPU of import + first call, of the bare start's", at_most=most).judge(
        start.of_bare
    )


def table(starts: ColdStarts) -> Table:
    """The table of cold starts."""
    figures = "import ms", "first call ms", "both ms", "CPU ms", "of bare, CPU", "budget", "verdict"
    rows = [
        (
            each.function_id, number(each.import_ms), number(each.first_call_ms), number(each.start_ms),
            number(each.cpu_ms), number(each.of_bare),
            verdict.budget.text() if (verdict := _verdict(each)) else "-", verdict.text() if verdict else "-",
            number(each.time_of_bare), number(each.held_of_bare) if each.held_of_bare else "-",
            str(each.modules), number(each.load),
            number(each.second_call_ms), each.answered, ", ".join(each.unneeded) or "-",
        )
        for each in starts.functions
    ]  # fmt: skip
    bare = f"bare start: boto3, client, GetItem: {number(starts.bare_ms)} ms, {number(starts.bare_cpu_ms)} ms of CPU"
    title = f"Cold starts (fresh interpreter, built function and layers, fakes behind a port; {bare})"
    others = "of bare, time", f"of bare, at {SHARE:.2f} of a core by {starts.held_by}", "modules", "load before"
    last = "second call ms", "answered", "imported, not needed"
    return Table(title, ("function", *figures, *others, *last), rows)


def as_json(starts: ColdStarts) -> dict[str, Any]:
    verdicts = [verdict for each in starts.functions if (verdict := _verdict(each))]
    return {**asdict(starts), "budgets": budgets.as_json(verdicts)}
