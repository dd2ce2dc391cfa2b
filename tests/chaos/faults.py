"""The faults, each until the end of a block."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import redis

from infra.local import services
from infra.local.config import Instance
from infra.local.stack import Stack
from tests.chaos.fault_proxy import FaultProxy, Rule
from tests.support import deployed_functions

KILL_EVERY_S = 0.25
Fault = Callable[["Ground"], contextlib.AbstractContextManager[None]]


class Ground:
    """The instance under test, and the proxy in front of its cloud. `functions` are the names of its Python functions;
    files in the folder `clocks` set their clocks."""

    def __init__(
        self, instance: Instance, proxy: FaultProxy, functions: Sequence[str], clocks: Path, seed: int
    ) -> None:
        self.instance, self.proxy, self.functions, self.clocks = instance, proxy, functions, clocks
        self.chance = random.Random(seed)
        self.valkey = redis.Redis(port=instance.redis_port, socket_timeout=5)
        self.endpoints: dict[str, str] = json.loads(instance.endpoints_file.read_text())

    def workers(self) -> list[int]:
        """The processes in which functions run: children of the cloud's process."""
        cloud = services.cloud(self.instance).pid()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                with contextlib.suppress(OSError):
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                    if parent == cloud:
                        found.append(int(entry.name))
        return found


def proxied(service: str, fault: str, share: float = 1.0) -> Fault:
    """A service whose calls fail in this way."""

    @contextlib.contextmanager
    def block(ground: Ground) -> Iterator[None]:
        ground.proxy.rules.append(Rule(service, fault, share))
        try:
            yield
        finally:
            ground.proxy.rules.clear()

    return block


@contextlib.contextmanager
def valkey_killed(ground: Ground) -> Iterator[None]:
    daemon = services.redis(ground.instance)
    pid = daemon.pid()
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    try:
        yield
    finally:
        daemon.stop(wait_s=services.STOP_WAIT_S)
        daemon.start(wait_s=services.START_WAIT_S)


@contextlib.contextmanager
def valkey_paused(ground: Ground) -> Iterator[None]:
    pid = services.redis(ground.instance).pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def valkey_read_only(ground: Ground) -> Iterator[None]:
    ground.valkey.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        ground.valkey.replicaof("NO", "ONE")


@contextlib.contextmanager
def valkey_emptied(ground: Ground) -> Iterator[None]:
    with _again_and_again(lambda: ground.valkey.flushall(), 0.1):
        yield


@contextlib.contextmanager
def functions_killed(ground: Ground) -> Iterator[None]:
    """Kills the process of some function four times a second, whatever it is doing."""

    def kill() -> None:
        running = ground.workers()
        if running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(ground.chance.choice(running), signal.SIGKILL)

    with _again_and_again(kill, KILL_EVERY_S):
        yield


def before_new(function: str, fault: Fault) -> Fault:
    """A fault that begins with new processes of a function, because old ones cache results."""

    @contextlib.contextmanager
    def block(ground: Ground) -> Iterator[None]:
        with fault(ground):
            _renew(ground, function)
            yield

    return block


def then_new(function: str, fault: Fault) -> Fault:
    """A fault followed by new processes of a function, because old ones stop calling a failed model for two minutes."""

    @contextlib.contextmanager
    def block(ground: Ground) -> Iterator[None]:
        with fault(ground):
            yield
        _renew(ground, function)

    return block


def _renew(ground: Ground, function: str) -> None:
    client = Stack(ground.instance).client("lambda")
    name = next(each for each in ground.functions if each.endswith(f"-{function}"))
    deployed_functions.set_variables(client, name, deployed_functions.variables_of(client, name))


def clocks_off(seconds: int) -> Fault:
    """Sets the clocks of every second function, chosen by the seed, so many seconds ahead of the others."""

    @contextlib.contextmanager
    def block(ground: Ground) -> Iterator[None]:
        off = ground.chance.sample(ground.functions, len(ground.functions) // 2)
        for name in off:
            (ground.clocks / name).write_text(str(seconds))
        try:
            yield
        finally:
            for name in off:
                (ground.clocks / name).unlink()

    return block


@contextlib.contextmanager
def _again_and_again(work: Callable[[], object], every_s: float) -> Iterator[None]:
    over = threading.Event()

    def loop() -> None:
        while not over.wait(every_s):
            work()

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


FAULTS: dict[tuple[str, str], Fault] = {
    ("dynamodb", "hang"): proxied("dynamodb", "hang"),
    ("dynamodb", "slow"): proxied("dynamodb", "slow", 0.3),
    ("dynamodb", "failing"): proxied("dynamodb", "failing"),
    ("dynamodb", "throttled 30 %"): proxied("dynamodb", "throttled", 0.3),
    ("dynamodb", "answers lost 20 %"): proxied("dynamodb", "lost", 0.2),
    **{
        (service, fault): proxied(service, fault)
        for service in ("sqs", "states", "s3", "ses", "webpush", "connections")
        for fault in ("hang", "failing", "throttled")
    },
    **{
        ("secretsmanager", fault): before_new("Calls", proxied("secretsmanager", fault))
        for fault in ("hang", "failing", "throttled")
    },
    **{
        ("bedrock", fault): then_new("Assistant", proxied("bedrock", fault))
        for fault in ("hang", "failing", "throttled")
    },
    ("connections", "gone"): proxied("connections", "gone", 0.5),
    **{
        (service, fault): proxied(service, fault)
        for service in ("sqs", "connections")
        for fault in ("doubled", "shuffled")
    },
    ("valkey", "killed"): valkey_killed,
    ("valkey", "paused"): valkey_paused,
    ("valkey", "read-only"): valkey_read_only,
    ("valkey", "emptied"): valkey_emptied,
    ("functions", "killed"): functions_killed,
    ("clock", "30 s ahead"): clocks_off(30),
    ("clock", "30 s behind"): clocks_off(-30),
    ("clock", "5 min ahead"): clocks_off(300),
    ("clock", "5 min behind"): clocks_off(-300),
}
