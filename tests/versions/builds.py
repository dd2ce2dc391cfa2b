"""Two versions of the functions beside each other, each in a process of its own, over the same tables and queues."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from perf import fakes
from perf.against import NoSuchRevision, tree_of
from perf.aws_proxy import aws_proxy
from perf.in_process_stack import STACK, InProcessStack, in_process_stack
from perf.operations import drive
from perf.template import ROOT

# The version before this one where the repository has no tags: moved on with each release.
PREVIOUS = "fc14e5bfd13895789da36d9f2fadd8759221a919"
SPEAKER = Path(__file__).with_name("speaker.py")

Person = dict[str, str]


class Refused(AssertionError):
    """A version refused what it was to do."""


def previous() -> str:
    """The revision of the version before: AGAINST, the newest tag before this commit, or PREVIOUS.

    Raises NoSuchRevision, which says what is missing, where the clone does not reach so far back.
    """
    revision = os.environ.get("AGAINST") or _git("describe", "--tags", "--abbrev=0", "HEAD^").stdout.strip() or PREVIOUS
    if _git("cat-file", "-e", f"{revision}^{{commit}}").returncode:
        raise NoSuchRevision(
            f"the version before, {revision}, is not in this clone: `git fetch --unshallow --tags` brings it, "
            "in GitHub Actions `fetch-depth: 0` of actions/checkout"
        )
    return revision


def is_shallow() -> bool:
    """Whether this is a clone without its history, or no clone at all."""
    return _git("rev-parse", "--is-shallow-repository").stdout.strip() != "false"


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)


@dataclass(slots=True)
class Version:
    """The functions of one version; what is asked of them raises Refused unless it goes well."""

    name: str
    _process: subprocess.Popen[str]

    def does(self, what: str, **given: Any) -> Any:
        stdin, stdout = _pipes(self._process)
        stdin.write(json.dumps({"do": what, **given}) + "\n")
        stdin.flush()
        line = stdout.readline()
        answer = json.loads(line) if line else {"failed": "its process has ended"}
        if "failed" in answer:
            raise Refused(f"{self.name} fails at {what}, {given}: {answer['failed']}")
        return answer["done"]

    def reply(self, function: str, route: str, who: Person | None, body: Any = None, **named: Any) -> tuple[int, Any]:
        """Status and body of a request; `query` is one, other names are those of the path."""
        query = named.pop("query", None)
        answer = self.does(
            "http", function=f"{function}Function", route=route, who=who, path=named, query=query, body=body
        )
        return answer["status"], answer["body"]

    def call(self, function: str, route: str, who: Person | None, body: Any = None, **named: Any) -> Any:
        """The body of a request that goes well."""
        status, answer = self.reply(function, route, who, body, **named)
        if not 200 <= status < 300:
            raise Refused(f"{self.name} answered {route} with {status}: {answer}")
        return answer

    def frame(self, action: str, who: Person, connection_id: str, **body: Any) -> Any:
        answer = self.does("frame", function=f"{action}Function", who=who, connection_id=connection_id, body=body)
        if answer["body"]["type"] != "ack":
            raise Refused(f"{self.name} answered {action} with {answer['body']}")
        return answer["body"].get("data")

    def take(self, jobs: list[str], *, to: str = "Fanout") -> None:
        """Do what waits in a queue; each job by itself."""
        for job in jobs:
            if self.does("job", job=job, to=f"{to}Function")["status"] != 200:
                raise Refused(f"{self.name} does not take the job {job[:300]}")


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin
    assert process.stdout
    return process.stdin, process.stdout


@dataclass(slots=True)
class Builds:
    """`old` and `new` over one stack; `posted` are the frames that went to sockets, by connection."""

    stack: InProcessStack
    old: Version
    new: Version
    posted: list[tuple[str, str]] = field(default_factory=list)

    def jobs(self, *queues: str) -> list[str]:
        """Takes what waits in these queues, or in those of the fan-out."""
        return self.stack.jobs(*queues)

    def arrive(self, begun: Any) -> dict[str, Any]:
        """Put an upload's bytes, `hello`, where its form says; what the intake is told."""
        return drive._arrive(begun)

    def event(self, conversation_id: str, seq: int) -> dict[str, Any]:
        """An event as it is stored."""
        key = {"conversation_id": {"S": conversation_id}, "seq": {"N": str(seq)}}
        stored = fakes.item(f"{STACK}-events", key)
        assert stored, (conversation_id, seq)
        return stored

    def frames(self, connection_id: str) -> list[dict[str, Any]]:
        """What a socket was sent; a post may pack several."""
        found: list[dict[str, Any]] = []
        for each in (json.loads(text) for to, text in self.posted if to == connection_id):
            found += each if isinstance(each, list) else [each]
        return found


@contextmanager
def builds() -> Iterator[Builds]:
    """This version and the one before, side by side, for as long as the block lasts."""
    with ExitStack() as undo:
        tree = undo.enter_context(tree_of(previous()))
        stack = undo.enter_context(in_process_stack())
        posted: list[tuple[str, str]] = []
        address = undo.enter_context(aws_proxy(posted))
        old = undo.enter_context(_version("the version before", tree, address))
        new = undo.enter_context(_version("this version", ROOT, address))
        yield Builds(stack, old, new, posted)


@contextmanager
def _version(name: str, tree: Path, address: str) -> Iterator[Version]:
    environment = {**os.environ, "AWS_ENDPOINT_URL": address, "PYTHONPATH": ""}
    process = subprocess.Popen(
        [sys.executable, str(SPEAKER)],
        cwd=tree,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Version(name, process)
    finally:
        for pipe in _pipes(process):
            pipe.close()
        process.wait(timeout=20)
