"""Fixtures of all tests: the settings of a process, and the cloud that moto plays in it.

`cloud` has the tables of infra/data.yaml, so the template is what is tested. Neither is automatic here: unit tests
get `settings`, integration tests `cloud`, from the conftest.py beside them.
"""

from __future__ import annotations

import json
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import hypothesis
import moto.core.botocore_stubber
import moto.core.serialize
import pytest
import yaml
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends
from moto.sqs.models import SQSBackend, sqs_backends
from moto.stepfunctions.models import stepfunctions_backends

import composition  # noqa: F401 - what every domain registers
from assistant import settings as ai_settings
from assistant.providers import choice, openai_compatible
from calls import ice, sfu
from calls import settings as call_settings
from kernel import auth, aws, breakers, cache, config, debounce, dynamo, idempotency, limiter, outbound
from log import append_queue
from messages import typing_notice
from notifications import vapid
from notifications.providers import fcm, webpush
from operations import canary_settings
from presence import service as presence
from realtime import service as realtime
from tests import strictness
from tests.attacks import (  # noqa: F401 - pytest finds them here
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_terminal_summary,
)
from tests.management import Management, serving
from tests.support import rings
from users import service as users

# A busy machine is no failure: only what examples do is judged, not how long they or their making take. CI tries the
# same examples each time, `make fuzz` (profile deep) many others.
hypothesis.settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
hypothesis.settings.register_profile("deep", hypothesis.settings.get_profile("patient"), max_examples=5_000)
hypothesis.settings.load_profile("patient")

MACHINES = Path(__file__).resolve().parents[1] / "statemachines"
DATA_TEMPLATE = Path(__file__).resolve().parents[1] / "infra" / "data.yaml"
STACK = "test"
JOB_QUEUES = ("fanout", "presence", "receipts", "sockets", "jobs")
SUBSCRIBER_QUEUES = ("search", "follow", "meaning", "moderation", "losses")
BUCKET = f"{STACK}-drive-000000000000"
REGION = "us-east-1"
SEED = "k7Qw2ZrT9xYb4NcV8mLp6HsJ1dGf3KaE5uRtWyXoPqBnMvCzLhSjDgFkA0i1e2U3"
SETTINGS = {
    "ENVIRONMENT": "local",
    "STACK_NAME": STACK,
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "URL_SUFFIX": "amazonaws.com",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "PUBLIC_URL": "https://chat.example",
    "LOG_LEVEL": "INFO",
}
UNSET = (
    "AWS_PROFILE",
    "AWS_ENDPOINT_URL",
    "REDIS_URL",
    "KEY_ARN",
    "FCM_SECRET_ARN",
    "LOOPBACK_TARGETS",
    "NOTIFICATIONS_QUEUE_URL",
    "PUSH_QUEUE_URL",
    "STATE_MACHINES",
    "MAIL_QUEUE_URL",
    "MAIL_CONFIGURATION_SET",
    "QUEUE_URLS",
    "BLOB_BUCKET",
)


def _one_request_at_a_time() -> None:
    """Make moto answer one request at a time, as its tables don't expect threads; DynamoDB's requests are atomic."""
    stubber, lock = moto.core.botocore_stubber.BotocoreStubber, threading.RLock()
    answer = stubber.__call__

    def one_at_a_time(self: Any, event_name: str, request: Any, **kwargs: Any) -> Any:
        with lock:
            return answer(self, event_name, request, **kwargs)

    setattr(stubber, "__call__", one_at_a_time)  # noqa: B010 - a plain assignment is no valid type


_one_request_at_a_time()


def _plain_attribute_values_as_they_are() -> None:
    """Let moto answer strings, numbers and flags of DynamoDB's items as it holds them: in the form to be answered.

    Its serialiser asks each value for each of ten members by several spellings, a fifth of the time of these tests.
    """
    serializer = moto.core.serialize.JSONSerializer
    serialize = serializer._serialize_type_structure

    def serialize_structure(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and value.keys() <= {"S", "N", "BOOL", "NULL", "SS", "NS"}:
            serialized[key] = value
        else:
            serialize(self, serialized, value, shape, key)

    setattr(serializer, "_serialize_type_structure", serialize_structure)  # noqa: B010 - a plain assignment is no valid type


_plain_attribute_values_as_they_are()


def fresh_process() -> None:
    """Forget what a process remembers between calls, as a new one would; but for the keyrings (tests.support.rings)."""
    config.config.cache_clear()
    cache._redis.cache_clear()
    cache._waiting_redis.cache_clear()
    idempotency._store.cache_clear()
    call_settings.settings.cache_clear()
    canary_settings.settings.cache_clear()
    ai_settings.settings.cache_clear()
    choice.provider.cache_clear()
    sfu.configured.cache_clear()
    for memo in (
        auth._verified,
        users._profile_memo,
        users._id_memo,
        limiter._in_process,
        debounce._last_sent,
        append_queue._busy,
        presence._rechecks,
        realtime._touched,
        ice._secrets,
        openai_compatible._keys,
        outbound._checked,
        typing_notice._relayed,
        typing_notice._noticed,
        vapid._tokens,
        webpush.breakers,
        fcm._senders,
    ):
        memo._entries.clear()
    breakers.reset_all()


@pytest.fixture(scope="session")
def _fresh_clients() -> None:
    """Clients that know moto, made once: making one takes longer than most tests."""
    aws.session.cache_clear()
    aws.client.cache_clear()
    dynamo.connection.cache_clear()


_strict: list[Any] = []


def _make_strict() -> None:
    """Have AWS's limits checked; a stack of perf in this process may have made a session of its own since."""
    if aws.session() not in _strict:
        strictness.apply(aws.session())
        _strict[:] = [aws.session()]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, _fresh_clients: None) -> Iterator[pytest.MonkeyPatch]:
    """The environment of a function, without any service behind it."""
    _make_strict()
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    fresh_process()
    yield monkeypatch
    fresh_process()


@dataclass(frozen=True, slots=True)
class Cloud:
    """Handles on what moto plays."""

    mail_queue_url: str

    def letters(self) -> list[dict[str, Any]]:
        """The messages put into the mail queue since last asked."""
        found: list[dict[str, Any]] = []
        while True:
            answer = aws.client("sqs").receive_message(QueueUrl=self.mail_queue_url, MaxNumberOfMessages=10)
            messages = answer.get("Messages", [])
            if not messages:
                return found
            for message in messages:
                found.append(json.loads(message["Body"]))
                aws.client("sqs").delete_message(QueueUrl=self.mail_queue_url, ReceiptHandle=message["ReceiptHandle"])


@pytest.fixture
def cloud(settings: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Tables, keyrings, queues and state machines of a stack; no Redis."""
    with mock_aws():
        rings.hold_all(SEED)
        settings.setenv("STATE_MACHINES", _create_machines())
        _moto_tables().update(pickle.loads(_empty_tables()))
        sqs = sqs_backends[DEFAULT_ACCOUNT_ID][REGION]
        queues = {
            name: _create_queue(sqs, f"{STACK}-{name}")
            for name in ("mail", "notifications", "push", *JOB_QUEUES, *SUBSCRIBER_QUEUES)
        }
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(BUCKET, REGION)
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_bucket_versioning(BUCKET, "Enabled")
        settings.setenv("BLOB_BUCKET", BUCKET)
        settings.setenv("NOTIFICATIONS_QUEUE_URL", queues["notifications"])
        settings.setenv("PUSH_QUEUE_URL", queues["push"])
        settings.setenv("MAIL_QUEUE_URL", queues["mail"])
        settings.setenv("QUEUE_URLS", " ".join(queues[name] for name in (*JOB_QUEUES, *SUBSCRIBER_QUEUES)))
        config.config.cache_clear()
        yield Cloud(queues["mail"])


class _Template(yaml.SafeLoader):
    """Reads CloudFormation: of its functions only `!Sub` with the stack's name matters here."""


def _function(_loader: _Template, suffix: str, node: yaml.Node) -> Any:
    if suffix == "Sub" and isinstance(node, yaml.ScalarNode):
        return str(node.value).replace("${Prefix}", STACK)
    return None


_Template.add_multi_constructor("!", _function)


def table_properties() -> list[dict[str, Any]]:
    """The properties of every table in the template."""
    template = yaml.load(DATA_TEMPLATE.read_text("utf-8"), _Template)
    resources = template["Resources"].values()
    return [each["Properties"] for each in resources if each["Type"] == "AWS::DynamoDB::Table"]


def _create_machines() -> str:
    """Machines that can be started and stopped, but do nothing; what all their ARNs begin with.

    Machines, queues and the bucket are made in moto itself: by requests they take 60 ms of every test.
    """
    prefix = ""
    states = stepfunctions_backends[DEFAULT_ACCOUNT_ID][REGION]
    for path in sorted(MACHINES.glob("*.asl.json")):
        name = path.name.removesuffix(".asl.json").replace("_", "-")
        machine = states.create_state_machine(
            f"{STACK}-{name}", path.read_text("utf-8"), "arn:aws:iam::123456789012:role/machine"
        )
        prefix = machine.arn.removesuffix(name)
    return prefix


def _create_queue(sqs: SQSBackend, name: str) -> str:
    """A queue; its URL."""
    queue = sqs.create_queue(name)
    return str(queue.url(urlparse(f"https://sqs.{REGION}.amazonaws.com/")))


def _moto_tables() -> dict[str, Any]:
    """Where moto has its tables, by name."""
    tables: dict[str, Any] = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables
    return tables


def kept_tables() -> Callable[[], None]:
    """Keep what all tables hold now; returns what puts it back."""
    kept = pickle.dumps(_moto_tables())
    return lambda: _moto_tables().update(pickle.loads(kept))


@lru_cache(maxsize=1)
def _empty_tables() -> bytes:
    """Every table of the template as moto has it, made once: the requests for all of them take 0.4 s of processor.

    They are pickled, as a copy by `copy.deepcopy` would take half of what a test costs before it does anything.
    """
    for properties in table_properties():
        create_table(dict(properties))
    return pickle.dumps(_moto_tables())


def create_table(properties: dict[str, Any], client_of: Callable[[str], Any] = aws.client) -> None:
    """Make a table of the template, by clients of any cloud."""
    client = client_of("dynamodb")
    ttl = properties.pop("TimeToLiveSpecification", None)
    for name in ("SSESpecification", "PointInTimeRecoverySpecification", "DeletionProtectionEnabled", "Tags"):
        properties.pop(name, None)
    if "StreamSpecification" in properties:
        properties["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
    client.create_table(**properties)
    if ttl is not None:
        client.update_time_to_live(TableName=properties["TableName"], TimeToLiveSpecification=ttl)


@pytest.fixture
def management(settings: pytest.MonkeyPatch) -> Iterator[Management]:
    """The frames that sockets of this test receive."""
    with serving(settings) as found:
        yield found
