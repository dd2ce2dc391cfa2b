"""ICE servers and their credentials."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from calls import ice
from calls import settings as call_settings
from kernel import aws, clock
from kernel.config import ConfigurationError
from tests.conftest import STACK
from tests.integration.calls.calling import NOW
from tests.integration.calls.conftest import TURN_SECRET


def test_turn_credentials_end_after_an_hour_and_name_who_they_are_for() -> None:
    with clock.held(NOW):
        stun, turn = ice.servers("usr_ada")
    assert stun == {"urls": ["stun:turn.example.com:3478"]}
    assert turn["urls"][1] == "turns:turn.example.com:443?transport=tcp"
    assert turn["username"] == f"{NOW // 1000 + 3600}:usr_ada"
    digest = hmac.new(TURN_SECRET.encode(), turn["username"].encode(), hashlib.sha1).digest()
    assert turn["credential"] == base64.b64encode(digest).decode()


def test_without_turn_servers_no_secret_is_read(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("TURN_URLS", "")
    settings.setenv("TURN_SECRET_ARN", "")
    call_settings.settings.cache_clear()
    assert ice.servers("usr_ada") == [{"urls": ["stun:turn.example.com:3478"]}]


def test_a_weak_secret_is_refused() -> None:
    aws.client("secretsmanager").put_secret_value(
        SecretId=f"{STACK}/turn", SecretString=json.dumps({"secret": "short"})
    )
    with pytest.raises(ConfigurationError, match="too short"):
        ice.servers("usr_ada")


@pytest.mark.parametrize(
    ("name", "value"),
    [("TURN_URLS", "http://turn.example.com"), ("CALL_MESH_LIMIT", "1"), ("CALL_SFU", "jitsi")],
)
def test_wrong_settings_are_named(settings: pytest.MonkeyPatch, name: str, value: str) -> None:
    settings.setenv(name, value)
    call_settings.settings.cache_clear()
    with pytest.raises(ConfigurationError, match=name):
        call_settings.settings()
