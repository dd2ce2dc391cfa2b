"""A signature is the one that botocore's signer makes of the same request."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from kernel import signing

AT = datetime(2026, 3, 4, 23, 59, 59, tzinfo=UTC)
NEXT_DAY = datetime(2026, 3, 5, tzinfo=UTC)


@pytest.mark.parametrize("token", [None, "a/token+of=many"])
@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("POST", "/", {"X-Amz-Target": "T.Query", "Content-Type": "application/x-amz-json-1.0"}, b'{"a": 1}'),
        ("POST", "/", {"X-Amz-Target": "T.Query", "X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a9"}, b"{}"),
        ("POST", "/v1/@connections/L0SM9c%2FOF%2BvHcCIhw%3D", {}, "ä".encode()),
        ("GET", "/v1/@connections/health", {}, b""),
    ],
)
def test_it_is_botocores_signature(
    monkeypatch: pytest.MonkeyPatch, method: str, path: str, headers: dict[str, str], body: bytes, token: str | None
) -> None:
    credentials = Credentials("key", "secret", token)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: AT)
    sent = signing.signed(
        credentials, "execute-api", "eu-west-1", method=method, host="h.example.com:1", path=path, body=body,
        headers=headers,
    )  # fmt: skip
    assert sent["X-Amz-Date"] == "20260304T235959Z"
    assert headers.items() <= sent.items()
    assert sent["Authorization"] == _theirs(credentials, "execute-api", method, path, sent, body)
    # on its way a request may get another trace, and a signature that covers it would be wrong (botocore 1105)
    assert "x-amzn-trace-id" not in sent["Authorization"]


def test_keys_are_kept_by_day_and_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature of another day, or with other credentials, is made with another key."""

    def signature(secret: str, at: datetime) -> str:
        credentials = Credentials("key", secret)
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: at)
        sent = signing.signed(credentials, "sqs", "eu-west-1", method="POST", host="h", path="/", body=b"")
        assert sent["Authorization"] == _theirs(credentials, "sqs", "POST", "/", sent, b"")
        return sent["Authorization"].rpartition("=")[2]

    assert len({signature(secret, at) for secret in ("one", "other") for at in (AT, NEXT_DAY)}) == 4


def _theirs(credentials: Credentials, service: str, method: str, path: str, sent: dict[str, str], body: bytes) -> str:
    """The Authorization header that botocore makes for these headers at their time."""
    headers = {name: value for name, value in sent.items() if name not in ("Authorization", "Host")}
    request = AWSRequest(method, f"http://{sent['Host']}{path}", headers, body)
    request.context["timestamp"] = sent["X-Amz-Date"]
    signer: Any = SigV4Auth(credentials, service, "eu-west-1")
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    signer._inject_signature_to_request(request, signature)
    return str(request.headers["Authorization"])
