"""Fixtures of calls on moto: configured TURN servers, and sockets whose frames are captured."""

from __future__ import annotations

import pytest

from kernel import aws
from tests.conftest import STACK, Cloud

TURN_SECRET = "9fQ2xV7mK4tR8wZ1cB6nH3jL5pS0dGyA"


@pytest.fixture(autouse=True)
def _deployed(cloud: Cloud, settings: pytest.MonkeyPatch) -> None:
    """The resources of a deployment that calls need beside tables."""
    secret = aws.client("secretsmanager").create_secret(
        Name=f"{STACK}/turn", SecretString=f'{{"secret": "{TURN_SECRET}"}}'
    )
    settings.setenv("TURN_SECRET_ARN", secret["ARN"])
    settings.setenv("STUN_URLS", "stun:turn.example.com:3478")
    settings.setenv("TURN_URLS", "turn:turn.example.com:3478?transport=udp,turns:turn.example.com:443?transport=tcp")
