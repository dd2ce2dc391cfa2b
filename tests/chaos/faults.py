"""What can go wrong, each for as long as a block lasts."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import redis

from infra.local import services
from infra.local.config import Instance
from tests.chaos.fault_proxy import FaultProxy, Rule

KILL_EVERY_S = 0.25
Fault = Callable[["Ground"], contextlib.AbstractContextManager[None]]


class Ground:
    """The instance under test, and the proxy in front of its cloud."""

    def __init__(self, instance: Instance, proxy: FaultProxy, seed: int) -> None:
        self.instance, self.proxy = instance, proxy
        self.chance = random.Random(seed)
        self.valkey = redis.Redis(port=instance.redis_port, socket_timeout=5)

    def workers(self) -> list[int]:
        """The processes that functions run in: children of the cloud's."""
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
    """Calls of a service fail in this way."""

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
    """Some function's process is killed four times a second, whatever it does just then."""

    def kill() -> None:
        running = ground.workers()
        if running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(ground.chance.choice(running), signal.SIGKILL)

    with _again_and_again(kill, KILL_EVERY_S):
        yield


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
    ("sqs", "hang"): proxied("sqs", "hang"),
    ("sqs", "failing"): proxied("sqs", "failing"),
    ("sqs", "doubled"): proxied("sqs", "doubled"),
    ("sqs", "shuffled"): proxied("sqs", "shuffled"),
    ("states", "hang"): proxied("states", "hang"),
    ("states", "failing"): proxied("states", "failing"),
    ("s3", "hang"): proxied("s3", "hang"),
    ("s3", "failing"): proxied("s3", "failing"),
    ("connections", "hang"): proxied("connections", "hang"),
    ("connections", "throttled"): proxied("connections", "throttled"),
    ("connections", "gone"): proxied("connections", "gone", 0.5),
    ("connections", "doubled"): proxied("connections", "doubled"),
    ("connections", "shuffled"): proxied("connections", "shuffled"),
    ("valkey", "killed"): valkey_killed,
    ("valkey", "paused"): valkey_paused,
    ("valkey", "read-only"): valkey_read_only,
    ("valkey", "emptied"): valkey_emptied,
    ("functions", "killed"): functions_killed,
}
