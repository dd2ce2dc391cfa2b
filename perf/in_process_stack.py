"""The stack in this process: the functions' code over fakes (moto for AWS, a separate Valkey for Redis)."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from moto import mock_aws

from infra.local import services
from infra.local.config import HOST, Instance
from kernel import aws, breakers, cache, keyrings, sockets
from kernel.cache import Memo
from kernel.config import config
from kernel.dynamo import Record
from perf import fakes, tables
from perf.quick_moto import quick_moto
from perf.template import ROOT
from perf.transport_recorder import SocketPool, TransportRecorder, counted_redis

T = TypeVar("T")

STACK = "perf"
QUEUES = ("mail", "notifications", "push")
JOB_QUEUES = ("fanout", "presence", "receipts", "sockets", "jobs")
SUBSCRIBER_QUEUES = ("search", "follow")
FIRST_PARTY = {"kernel"} | {path.parent.name for path in (ROOT / "functions").glob("*/__init__.py")}
ENVIRONMENT = {
    "ENVIRONMENT": "local",
    "STACK_NAME": STACK,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "SOCKET_API_ID": "perfsocket",
    "URL_SUFFIX": "amazonaws.com",
    "ADDRESS_LIMIT_FACTOR": "1000000",
    "PUBLIC_URL": "https://app.example.com",
    "LOOPBACK_TARGETS": "on",
}


class InProcessStack:
    """A deployed stack for calls through `perf.gateway`. `transport` records outgoing calls.

    `fixtures` has what operations share, by the function that made it and its arguments (`perf.fixtures.shared`).
    """

    def __init__(self, transport: TransportRecorder) -> None:
        self.transport = transport
        self.fixtures: dict[tuple[Any, ...], Any] = {}

    def jobs(self, *queues: str) -> list[str]:
        """Take the messages of these queues, or of the fan-out's.

        The calls are not counted, because AWS polls queues for functions.
        """
        return fakes.take_messages([f"{STACK}-{queue}" for queue in queues or JOB_QUEUES])

    def forget_answers(self) -> None:
        """Clear the memos of the process and of Redis, so that none expires while an operation is counted.

        The marks of sockets that were opened within the last minute go as well, as those of a conversation are older.
        """
        for memo in _first_party(Memo):
            memo.clear()
        if config().redis_url:
            for kind in ("session", "sockets"):
                for key in cache._redis().scan_iter(f"{kind}:*"):
                    cache._redis().delete(key)


@contextmanager
def in_process_stack(*, with_redis: bool = True) -> Iterator[InProcessStack]:
    """Set up the stack, and restore the process afterwards. One at a time."""
    with ExitStack() as undo:
        redis_url = undo.enter_context(_valkey()) if with_redis else ""
        undo.enter_context(_environment({**ENVIRONMENT, "REDIS_URL": redis_url}))
        undo.enter_context(mock_aws())
        undo.enter_context(quick_moto())
        undo.callback(_forget)
        _forget()
        transport = TransportRecorder()
        transport.install(aws.session())
        os.environ |= _deploy()
        config.cache_clear()
        sockets._http.cache_clear()
        pool = SocketPool(transport)
        undo.callback(setattr, sockets, "_http", sockets._http)
        setattr(sockets, "_http", lambda: pool)  # noqa: B010 - replaces a cached function
        if with_redis:
            cache._redis().connection_pool.connection_class = counted_redis(transport)
        yield InProcessStack(transport)


def _deploy() -> dict[str, str]:
    """Create tables, keyrings, queues and machines; returns the environment variables for them."""
    queue_names = ("QUEUE_URLS", *(f"{name.upper()}_QUEUE_URL" for name in QUEUES))
    os.environ |= dict.fromkeys(("BLOB_BUCKET", *queue_names), "")
    tables.create_all(aws.client("dynamodb"), STACK)
    os.environ["KEY_ARN"] = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    config.cache_clear()
    keyrings.create_missing()
    bucket = f"{STACK}-drive"
    aws.client("s3").create_bucket(Bucket=bucket)
    aws.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    sqs = aws.client("sqs")
    queues = {name: sqs.create_queue(QueueName=f"{STACK}-{name}")["QueueUrl"] for name in QUEUES}
    named = [sqs.create_queue(QueueName=f"{STACK}-{name}")["QueueUrl"] for name in (*JOB_QUEUES, *SUBSCRIBER_QUEUES)]
    return {
        "BLOB_BUCKET": bucket,
        "STATE_MACHINES": _create_machines(),
        "KEY_ARN": os.environ["KEY_ARN"],
        **{f"{name.upper()}_QUEUE_URL": url for name, url in queues.items()},
        "QUEUE_URLS": " ".join(named),
    }


def _create_machines() -> str:
    """Create state machines that do nothing when started; returns the common prefix of their ARNs."""
    prefix = ""
    for path in (ROOT / "statemachines").glob("*.asl.json"):
        name = path.name.removesuffix(".asl.json").replace("_", "-")
        made = aws.client("stepfunctions").create_state_machine(
            name=f"{STACK}-{name}", definition=path.read_text(), roleArn="arn:aws:iam::123456789012:role/machine"
        )
        prefix = made["stateMachineArn"].removesuffix(name)
    return prefix


def _forget() -> None:
    """Clear the state that the functions' modules keep, as in a new process."""
    for value in _first_party(object):
        if hasattr(value, "cache_clear"):
            value.cache_clear()
        elif isinstance(value, Memo):
            value._entries.clear()
        elif isinstance(value, type) and issubclass(value, Record) and value is not Record:
            value._connection = None
    breakers.reset_all()
    keyrings.forget_all()


def _first_party(kind: type[T]) -> Iterator[T]:
    """All values of this type in the modules of the functions and the kernel."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in FIRST_PARTY:
            yield from (value for value in list(vars(module).values()) if isinstance(value, kind))


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.pop("AWS_ENDPOINT_URL", None)
    os.environ |= variables
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


@contextmanager
def _valkey() -> Iterator[str]:
    """The URL of a Valkey that runs for the duration of the block."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as home:
        instance = Instance(name="default", port=port, redis_port=port, home=Path(home))
        Path(home, "redis").mkdir()
        daemon = services.redis(instance)
        daemon.start(wait_s=services.START_WAIT_S)
        try:
            yield instance.redis_url
        finally:
            daemon.stop(wait_s=services.STOP_WAIT_S)
