"""The stack inside this process: the functions' own code over fakes (moto for AWS, a Valkey of its own for Redis)."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from moto import mock_aws

from infra.local import services
from infra.local.config import HOST, Instance
from perf import tables
from perf.template import ROOT
from perf.wire import SocketPool, Wire, counted_redis

STACK = "perf"
SEED = "perf-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLM"
FIRST_PARTY = {"accounts", "conversations", "kernel", "messages", "operations", "realtime", "users"}
ENVIRONMENT = {
    "ENVIRONMENT": "local",
    "STACK_NAME": STACK,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "SOCKET_API_ID": "perfsocket",
    "ADDRESS_LIMIT_FACTOR": "1000000",
    "PUBLIC_URL": "https://app.example.com",
}
_SOURCES = [str(ROOT / "layers" / "shared"), str(ROOT / "functions")]


class Stage:
    """A deployed stack, ready for calls through `perf.gateway`. `wire` sees what goes out."""

    def __init__(self, wire: Wire, aws: Any) -> None:
        self.wire = wire
        self._sqs = aws.client("sqs")
        self._queue = os.environ["FANOUT_QUEUE_URL"]

    def jobs(self) -> list[str]:
        """Takes what waits in the fan-out queue, delayed jobs apart."""
        found: list[str] = []
        while messages := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(message["Body"])
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return found


@contextmanager
def stage(*, with_redis: bool = True) -> Iterator[Stage]:
    """Set the stack up, and leave the process as it was. One at a time."""
    with ExitStack() as undo:
        undo.enter_context(_paths())
        redis_url = undo.enter_context(_valkey()) if with_redis else ""
        undo.enter_context(_environment({**ENVIRONMENT, "REDIS_URL": redis_url}))
        undo.enter_context(mock_aws())
        from kernel import aws, cache, sockets

        undo.callback(_forget)
        _forget()
        wire = Wire()
        wire.install(aws.session())
        os.environ |= _deploy(aws)
        sockets._http.cache_clear()
        pool = SocketPool(wire)
        original, sockets._http = sockets._http, lambda: pool
        undo.callback(setattr, sockets, "_http", original)
        if with_redis:
            cache._redis().connection_pool.connection_class = counted_redis(wire)
        yield Stage(wire, aws)


def _deploy(aws: Any) -> dict[str, str]:
    """Tables, secret and queues; returns the variables that tell of them."""
    os.environ |= {"SIGNING_SECRET_ARN": "", "FANOUT_QUEUE_URL": "", "MAIL_QUEUE_URL": ""}
    tables.create_all(aws.client("dynamodb"), STACK)
    secret = aws.client("secretsmanager").create_secret(
        Name=f"{STACK}/signing", SecretString=f'{{"seed": "{SEED}"}}'
    )
    queues = {name: aws.client("sqs").create_queue(QueueName=f"{STACK}-{name}")["QueueUrl"] for name in ("fanout", "mail")}
    aws.client.cache_clear()
    return {
        "SIGNING_SECRET_ARN": secret["ARN"],
        "FANOUT_QUEUE_URL": queues["fanout"],
        "MAIL_QUEUE_URL": queues["mail"],
    }


def _forget() -> None:
    """Forget what the functions' modules remember of their surroundings, as a new process would."""
    from kernel.cache import Memo
    from kernel.dynamo import Record
    from kernel.resilience import Breaker
    from kernel.secrets import keyring

    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in FIRST_PARTY:
            continue
        for value in list(vars(module).values()):
            if hasattr(value, "cache_clear"):
                value.cache_clear()
            elif isinstance(value, Memo):
                value._entries.clear()
            elif isinstance(value, Breaker):
                value.succeeded()
            elif isinstance(value, type) and issubclass(value, Record) and value is not Record:
                value._connection = None
    keyring.__init__()  # type: ignore[misc]  # a fresh one in its place: other modules hold this very object
