"""Cold starts: what it takes each function to be imported, and to answer its first call, in a fresh interpreter.

The interpreter is started as Lambda's: without site packages, with the built function and its layers on the path.
Its calls go to the in-process stack's fakes, through a port. Starting the interpreter itself is not counted.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perf import budgets
from perf.aws_proxy import aws_proxy
from perf.budgets import Budget, Verdict
from perf.fixtures import create, say
from perf.gateway import http
from perf.imports import heavy, unneeded
from perf.in_process_stack import in_process_stack
from perf.operations import PASSWORD
from perf.packages import Build
from perf.people import newcomers
from perf.report import Table, number
from perf.template import ROOT, Function, functions

CHILD = Path(__file__).with_name("cold_child.py")
TIMEOUT_S = 60
MAX_START_MS = 600  # import and first call, of functions that answer people
SETTINGS = (
    *("ENVIRONMENT", "STACK_NAME", "REDIS_URL", "SOCKET_API_ID", "ADDRESS_LIMIT_FACTOR", "PUBLIC_URL"),
    *("KEY_ARN", "QUEUE_URLS", "MAIL_QUEUE_URL"),
    *("STATE_MACHINES", "BLOB_BUCKET"),
)


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Medians of one function, in ms of time and of CPU; and the heavy packages it imported."""

    function_id: str
    import_ms: float
    first_call_ms: float
    start_ms: float  # both, of the same start
    second_call_ms: float
    cpu_ms: float
    imported: tuple[str, ...]
    used: tuple[str, ...]
    unneeded: tuple[str, ...]
    answered: str
    load: float  # of the machine before: others' work takes time from it


def measure(build: Build, *, runs: int, done: Callable[[str], None] = print) -> list[ColdStart]:
    """Start every function of the templates `runs` times."""
    with in_process_stack() as _, aws_proxy() as address, tempfile.TemporaryDirectory() as folder:
        events = _Events()
        environment = _environment(address)
        found = []
        for function in functions().values():
            load, *_ = os.getloadavg()
            reports = [_start(build, function, events, environment, Path(folder)) for _ in range(runs)]
            found.append(_summary(function, reports, load))
            done(function.id)
    return found


class _Events:
    """The sample events of events/, about people and conversations that exist."""

    def __init__(self) -> None:
        self._caller, other = newcomers(2)
        self._conversation = create(other, [self._caller])
        self._name = 0

    def of(self, function: Function) -> dict[str, Any]:
        """A sample with its placeholders filled in; tickets and the like are good once, so every start has its own."""
        text = (ROOT / "events" / f"{function.id}.json").read_text()
        for placeholder, value in self._values(function).items():
            text = text.replace(placeholder, value)
        event: dict[str, Any] = json.loads(text)
        return event

    def _values(self, function: Function) -> Mapping[str, str]:
        caller = self._caller
        values = {
            "eyJhbGciOiJFUzI1NiJ9.sample.sample": caller.access_token,
            "usr_01kb0000000000000000000001": caller.user_id,
            "ses_01kb0000000000000000000003": caller.session_id,
            "cnv_01kb0000000000000000000000": self._conversation,
        }
        if function.id in ("EditMessageFunction", "DeleteMessageFunction", "ReactFunction"):
            values["msg_01kb00000000000000000000002"] = say(caller, self._conversation).json()["id"]
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


def _start(
    build: Build, function: Function, events: _Events, environment: Mapping[str, str], folder: Path
) -> dict[str, Any]:
    event, report = folder / "event.json", folder / "report.json"
    event.write_text(json.dumps(events.of(function)))
    command = [sys.executable, "-S", "-s", "-B", str(CHILD), function.handler, str(event), str(report), *build.paths]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True, timeout=TIMEOUT_S, cwd=folder)
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def _summary(function: Function, reports: Sequence[Mapping[str, Any]], load: float) -> ColdStart:
    def median(of: Callable[[list[list[float]]], float]) -> float:
        return statistics.median(of(report["marks"]) for report in reports) * 1000

    last = reports[-1]
    return ColdStart(
        function_id=function.id,
        import_ms=median(lambda marks: marks[1][0] - marks[0][0]),
        first_call_ms=median(lambda marks: marks[2][0] - marks[1][0]),
        start_ms=median(lambda marks: marks[2][0] - marks[0][0]),
        second_call_ms=median(lambda marks: marks[3][0] - marks[2][0]),
        cpu_ms=median(lambda marks: marks[2][1] - marks[0][1]),
        imported=tuple(sorted(heavy(last["imported"]))),
        used=tuple(sorted(heavy(last["used"]))),
        unneeded=tuple(sorted(unneeded(function.id, last["used"], called=True))),
        answered=_answered(last["answer"]),
        load=load,
    )


def _answered(answer: Any) -> str:
    """What the second call was answered, in a word: whether there was work to measure."""
    if not isinstance(answer, dict):
        return "ok"
    body = answer.get("body")
    if isinstance(body, str) and '"problem"' in body:
        return str(json.loads(body)["problem"]["code"])
    return str(answer.get("raised") or answer.get("statusCode") or "ok")


def _verdict(start: ColdStart) -> Verdict | None:
    """How import and first call together stand to their budget; functions that nobody waits for have none."""
    if not functions()[start.function_id].serves_http:
        return None
    return Budget(start.function_id, "import + first call ms", at_most=MAX_START_MS).judge(start.start_ms)


def table(starts: Sequence[ColdStart]) -> Table:
    """The table of cold starts."""
    figures = "import ms", "first call ms", "both ms", "budget", "verdict", "CPU of both", "load before"
    rows = [
        (
            each.function_id, number(each.import_ms), number(each.first_call_ms), number(each.start_ms),
            verdict.budget.text() if (verdict := _verdict(each)) else "-", verdict.text() if verdict else "-",
            number(each.cpu_ms), number(each.load), number(each.second_call_ms),
            each.answered, ", ".join(each.unneeded) or "-",
        )
        for each in starts
    ]  # fmt: skip
    title = "Cold starts (fresh interpreter, built function and layers, fakes behind a port)"
    return Table(title, ("function", *figures, "second call ms", "answered", "imported, not needed"), rows)


def as_json(starts: Sequence[ColdStart]) -> dict[str, Any]:
    verdicts = [verdict for each in starts if (verdict := _verdict(each))]
    return {"functions": [asdict(each) for each in starts], "budgets": budgets.as_json(verdicts)}
