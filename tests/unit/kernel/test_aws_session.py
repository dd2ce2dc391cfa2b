"""The one session of AWS: whose credentials it uses."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from kernel import aws


def _session() -> Any:
    return aws.session.__wrapped__()


def test_credentials_of_the_environment_are_used_without_looking_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    made = _session()
    found = made.get_credentials()
    assert found is not None
    whole = botocore.session.get_session().get_credentials()
    assert whole is not None
    assert (found.method, found.access_key, found.secret_key, found.token) == ("env", "key", "secret", "token")
    assert found.get_frozen_credentials() == whole.get_frozen_credentials()
    assert [each.METHOD for each in made.get_component("credential_provider").providers] == ["env"]


def test_other_credentials_are_looked_for_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    assert len(_session().get_component("credential_provider").providers) > 5
