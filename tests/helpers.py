"""What tests of routes share: requests as API Gateway sends them, answers, and people who are signed in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from accounts import store
from accounts.model import Credentials
from accounts.sessions import service as sessions
from kernel import ids
from kernel.http import App
from kernel.transactions import Transaction
from users import service as users

# as much time as a busy machine may need: what is done in time is for the tests of deadlines
CONTEXT = SimpleNamespace(aws_request_id="aws-request", get_remaining_time_in_millis=lambda: 60_000)
ADDRESS = "203.0.113.7"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as the client sees it; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The stable code of a problem."""
        return str(self.body["code"])


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in."""

    user_id: str
    username: str
    session_id: str
    token: str
    refresh_token: str


def rest_event(
    method: str,
    resource: str,
    path_params: Mapping[str, str] | None = None,
    body: Any = None,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    address: str = ADDRESS,
) -> dict[str, Any]:
    """A REST proxy event (payload 1.0). A `body` that is no text is sent as JSON."""
    given = dict(path_params or {})
    path = re.sub(r"{(\w+)}", lambda found: given[found[1]], resource)
    sent = {"Accept": "application/json", **(headers or {})}
    if body is not None:
        sent.setdefault("Content-Type", "application/json")
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": given or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "path": f"/v1{path}",
            "httpMethod": method,
            "requestId": "request-1",
            "stage": "v1",
            "identity": {"sourceIp": address},
        },
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }


def ask(app: App, method: str, resource: str, path_params: Mapping[str, str] | None = None, **options: Any) -> Reply:
    """Call an app with a request; the options are those of `rest_event`."""
    answer = app(rest_event(method, resource, path_params, **options), CONTEXT)
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    text = answer["body"]
    return Reply(answer["statusCode"], headers, json.loads(text) if text else None)


def someone(username: str = "ada", display_name: str | None = None) -> Person:
    """A new person with a session and without a password (hashing one takes 200 ms)."""
    new = Credentials(
        user_id=ids.new("usr"),
        username=username,
        email=f"{username}@example.com",
        password_hash="none",
        password_set_at=1,
    )
    transaction = Transaction()
    store.stage_new(transaction, new)
    users.add_profile_to(
        transaction,
        user_id=new.user_id,
        username=username,
        display_name=display_name or username.title(),
        email=new.email,
    )
    tokens = sessions.stage_new(transaction, user_id=new.user_id, device_name="test", ip=ADDRESS)
    transaction.commit()
    return Person(new.user_id, username, tokens.session_id, tokens.access_token, tokens.refresh_token)
