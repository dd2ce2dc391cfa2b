"""People of the end-to-end tests: registered over HTTP, with plain requests, raw sockets or the client package."""

from __future__ import annotations

import contextlib
import itertools
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from infra.local.config import ACCOUNT
from tests.e2e.answers import Answers
from tests.e2e.live import Live, opened
from tests.e2e.tools import eventually, operators_client

PASSWORD = "correct horse battery staple"
_numbers = itertools.count()


@dataclass
class Person:
    """A signed-in person with plain HTTP calls."""

    http: httpx.Client
    id: str
    username: str
    email: str
    tokens: dict[str, Any]

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """Call any route as this person; `headers` and `params` as for httpx."""
        given = options.pop("headers", {})
        answer = self.http.request(method, path, json=body, headers=self._bearer() | given, **options)
        if answer.status_code == 401 and "Authorization" not in given and '"token_expired"' in answer.text:
            # people made for a whole module may live longer than their first access token
            renewed = self.http.post("/auth/refresh", json={"refresh_token": self.tokens["refresh_token"]})
            self.tokens = renewed.json()["tokens"]
            answer = self.http.request(method, path, json=body, headers=self._bearer() | given, **options)
        return answer

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.call("POST", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.call("PUT", path, body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.call("PATCH", path, body, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.call("DELETE", path, **options)

    def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The JSON of a call, which must succeed."""
        answer = self.call(method, path, body, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def direct_with(self, other: Person) -> str:
        found: str = self.ok("POST", "/conversations", {"type": "direct", "member_ids": [other.id]})["id"]
        return found

    def group_with(self, *others: Person, **fields: Any) -> str:
        body = {"type": "group", "member_ids": [other.id for other in others], "name": "A group", **fields}
        made: str = self.ok("POST", "/conversations", body)["id"]
        return made

    def send(self, conversation_id: str, text: str, **fields: Any) -> dict[str, Any]:
        body = {"client_id": secrets.token_hex(8), "text": text, **fields}
        message: dict[str, Any] = self.ok("POST", f"/conversations/{conversation_id}/messages", body)
        return message

    def texts(self, conversation_id: str) -> list[str | None]:
        """The texts of the newest 20 messages, the newest first."""
        return [each["text"] for each in self.ok("GET", f"/conversations/{conversation_id}/messages?limit=20")["items"]]

    def call_in(self, conversation_id: str, media: str = "video") -> dict[str, Any]:
        """A new call of this person, or the live one."""
        body = {"client_id": secrets.token_hex(8), "media": media}
        call: dict[str, Any] = self.ok("POST", f"/conversations/{conversation_id}/calls", body)
        return call

    @property
    def session_id(self) -> str:
        return str(self.tokens["session_id"])

    def another_session(self, password: str = PASSWORD, **fields: Any) -> Person:
        """The same person on another device."""
        answer = self.http.post("/auth/login", json={"identifier": self.username, "password": password, **fields})
        assert answer.status_code == 200, answer.text
        return Person(self.http, self.id, self.username, self.email, answer.json()["tokens"])

    def ticket(self) -> tuple[str, str]:
        """The URL of the sockets, and a ticket for one."""
        made = self.ok("POST", "/realtime/tickets")
        return made["url"], made["ticket"]

    @contextlib.contextmanager
    def live(self) -> Iterator[Live]:
        """A socket that is read in the background."""
        with opened(*self.ticket()) as live:
            yield live

    @contextlib.asynccontextmanager
    async def socket(self) -> AsyncIterator[ClientConnection]:
        """A raw socket: frames are JSON texts."""
        ticket = self.ok("POST", "/realtime/tickets")
        async with websockets.connect(f"{ticket['url']}?ticket={ticket['ticket']}", max_size=None) as connection:
            yield connection


# makes headers with an access token that was issued to a person so many seconds ago
BearerIssued = Callable[[Person, int], dict[str, str]]


class Town:
    """Makes people. Every answer to them is checked against the contract and the API document."""

    def __init__(self, endpoints: Mapping[str, str], *, succeeded: Path | None = None) -> None:
        """`succeeded` is a file to which the operations that have succeeded are added."""
        self.http_url = endpoints["http_url"]
        self.ws_url = endpoints["ws_url"]
        self._endpoints = endpoints
        self.answers = Answers(self.http_url, succeeded)
        self.http = httpx.Client(base_url=self.http_url, timeout=60.0, event_hooks={"response": [self.answers.check]})

    def close(self) -> None:
        self.http.close()

    def person(self, name: str = "ada", **fields: Any) -> Person:
        mark = f"{secrets.token_hex(4)}{next(_numbers)}"
        username, email = f"{name}_{mark}"[:30], f"{name}.{mark}@example.com"
        body = {"email": email, "username": username, "password": PASSWORD, "display_name": name.capitalize(), **fields}
        answer = self.http.post("/auth/register", json=body)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        return Person(self.http, made["user"]["id"], username, email, made["tokens"])

    def people(self, *names: str) -> Iterator[Person]:
        return (self.person(name) for name in names)

    def mails_to(self, address: str) -> list[dict[str, Any]]:
        """The e-mails to an address in the local SES outbox, oldest first."""
        answer = httpx.get(f"{self._endpoints['aws_endpoint_url']}/_ministack/ses/messages", timeout=10.0)
        return [mail for sent in answer.json()["messages"].values() for mail in sent if address in mail["To"]]

    def code_in_letter(self, address: str, subject: str) -> str:
        """The token in the last e-mail with this subject."""
        letters = eventually(lambda: [mail for mail in self.mails_to(address) if mail["Subject"] == subject])
        found = re.search(r"^([\w-]{40,})$", letters[-1]["BodyText"], re.MULTILINE)
        assert found, letters[-1]["BodyText"]
        return found[1]

    def _dynamodb(self) -> Any:
        return operators_client(self._endpoints, "dynamodb")

    def stores(self, table: str, text: str) -> bool:
        """Whether a table contains a text anywhere."""
        pages = self._dynamodb().get_paginator("scan").paginate(TableName=f"{self._endpoints['stack']}-{table}")
        return any(text in str(page["Items"]) for page in pages)

    def tables_with(self, *texts: str) -> set[str]:
        """The tables that contain one of these texts anywhere."""
        client, prefix = self._dynamodb(), f"{self._endpoints['stack']}-"
        names = [name for page in client.get_paginator("list_tables").paginate() for name in page["TableNames"]]
        return {
            name.removeprefix(prefix)
            for name in names
            for page in client.get_paginator("scan").paginate(TableName=name)
            if name.startswith(prefix) and any(text in str(page["Items"]) for text in texts)
        }

    def blobs_below(self, *prefixes: str) -> list[str]:
        """The keys of all versions in the drive's bucket below these prefixes."""
        s3, bucket = operators_client(self._endpoints, "s3"), f"{self._endpoints['stack']}-drive-{ACCOUNT}"
        answers = [s3.list_object_versions(Bucket=bucket, Prefix=prefix) for prefix in prefixes]
        return [each["Key"] for answer in answers for each in answer.get("Versions", ())]

    def make_platform_admin(self, person: Person) -> None:
        """Make somebody a platform admin in the database, as an operator would: no route gives this role."""
        self._dynamodb().update_item(
            TableName=f"{self._endpoints['stack']}-users",
            Key={"user_id": {"S": person.id}},
            UpdateExpression="SET #role = :role",
            ConditionExpression="attribute_exists(user_id)",
            ExpressionAttributeNames={"#role": "role"},
            ExpressionAttributeValues={":role": {"S": "admin"}},
        )


@pytest.fixture
def new_ada(town: Town) -> Person:
    """A person for one test, who has nothing of another test; modules use it in the place of the shared `ada`."""
    return town.person("ada")


@pytest.fixture
def new_bob(town: Town) -> Person:
    return town.person("bob")
