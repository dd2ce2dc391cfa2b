"""Tools of the end-to-end tests: waiting for conditions, concurrent calls, checking problems."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import botocore.session
import httpx

from infra.local import config
from infra.local.config import Instance

if TYPE_CHECKING:
    from tests.e2e.people import Person

T = TypeVar("T")

# With more concurrent calls the local cloud starts a process for each, and their start would be measured.
WIDTH = 8
PATIENCE_S = 15.0
UNKNOWN_MESSAGE = "msg_01aaaaaaaaaaaaaaaaaaaaaaaa2"


def messages_at(conversation_id: str, rest: str = "") -> str:
    """The path of a conversation's messages, or of what is below it."""
    return f"/conversations/{conversation_id}/messages{rest}"


def eventually(check: Callable[[], T], *, within_s: float = PATIENCE_S, every_s: float = 0.05) -> T:
    """The first true value of `check`; fails if there is none in time."""
    deadline = time.monotonic() + within_s
    while not (found := check()):
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(every_s)
    return found


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """The results of calls made in parallel, `WIDTH` at a time, in their order."""
    with ThreadPoolExecutor(WIDTH) as threads:
        return [future.result() for future in [threads.submit(call) for call in calls]]


def secret_of(endpoints: Mapping[str, str], name: str) -> str:
    """The text of one of the stack's secrets, which operators may read but clients may not."""
    manager = operators_client(endpoints, "secretsmanager")
    text: str = manager.get_secret_value(SecretId=f"{endpoints['stack']}/{name}")["SecretString"]
    return text


def seeds_of(endpoints: Mapping[str, str], ring: str) -> list[str]:
    """The seeds of one of the stack's keyrings, newest first, which the account's owner may decrypt."""
    key = {"ring": {"S": ring}}
    found = operators_client(endpoints, "dynamodb").get_item(TableName=f"{endpoints['stack']}-keyrings", Key=key)
    kms, context = operators_client(endpoints, "kms"), {"stack": endpoints["stack"], "keyring": ring}
    sealed = [base64.b64decode(each["sealed"]) for each in json.loads(found["Item"]["generations"]["S"])]
    return [kms.decrypt(CiphertextBlob=each, EncryptionContext=context)["Plaintext"].decode() for each in sealed]


def instance_at(endpoints: Mapping[str, str]) -> Instance:
    """The local cloud at these addresses, as an Instance of its driver."""
    ports = [urlsplit(endpoints[name]).port or 0 for name in ("aws_endpoint_url", "redis_url")]
    return replace(config.instance("test"), port=ports[0], redis_port=ports[1])


def operators_client(endpoints: Mapping[str, str], service: str) -> Any:
    """A client of the local cloud with an operator's rights."""
    session = botocore.session.Session()
    session.set_credentials("test", "test")
    return session.create_client(service, region_name=endpoints["region"], endpoint_url=endpoints["aws_endpoint_url"])


def problem(answer: httpx.Response, status: int, code: str, *, field: str | None = None) -> dict[str, Any]:
    """Check that an answer is this error, naming this field; returns its problem document."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    body: dict[str, Any] = answer.json()
    if field is not None:
        assert field in {error["field"] for error in body["errors"]}, body
    return body


def pages(person: Person, path: str, **params: Any) -> list[list[dict[str, Any]]]:
    """All pages of a list, read by its cursors."""
    found = []
    cursor: dict[str, str] = {}
    while True:
        answer = person.ok("GET", path, params={**params, **cursor})
        found.append(answer["items"])
        if answer["next_cursor"] is None:
            return found
        cursor = {"cursor": answer["next_cursor"]}


def everything(person: Person, path: str, **params: Any) -> list[dict[str, Any]]:
    """All items of a list."""
    return [item for page in pages(person, path, **params) for item in page]


def log_of(person: Person, conversation_id: str, after: int = 0) -> list[dict[str, Any]]:
    """The events that a person sees of a conversation."""
    return everything(person, f"/conversations/{conversation_id}/events", after=after, limit=100)
