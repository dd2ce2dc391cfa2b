"""ICE servers: STUN URLs, and TURN URLs with short-lived credentials.

A credential is made from the secret shared with the TURN servers: `username = expiry:user_id`,
`credential = base64(HMAC-SHA1(secret, username))` (draft-uberti-behave-turn-rest-00; coturn: use-auth-secret).
"""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from calls.settings import settings
from kernel import aws, clock
from kernel.cache import Memo
from kernel.config import ConfigurationError
from kernel.errors import DependencyUnavailable

CREDENTIAL_TTL_S = 3600
MIN_SECRET_CHARS = 32
_secrets: Memo[str] = Memo(max_entries=1, ttl_s=300.0)


def servers(user_id: str) -> list[dict[str, Any]]:
    """The `iceServers` of an RTCPeerConnection; TURN credentials are valid for an hour.

    Raises ConfigurationError, DependencyUnavailable.
    """
    found: list[dict[str, Any]] = []
    configured = settings()
    if configured.stun_urls:
        found.append({"urls": list(configured.stun_urls)})
    if configured.turn_urls:
        username, credential = credentials(_secret(), user_id)
        found.append({"urls": list(configured.turn_urls), "username": username, "credential": credential})
    return found


def credentials(secret: str, user_id: str, *, ttl_s: int = CREDENTIAL_TTL_S) -> tuple[str, str]:
    """A TURN username and its credential."""
    username = f"{clock.now_s() + ttl_s}:{user_id}"
    # the draft and TURN servers require SHA-1, which is secure as a MAC
    digest = hmac.digest(secret.encode(), username.encode(), "sha1")
    return username, b64encode(digest).decode()


def _secret() -> str:
    arn = settings().turn_secret_arn
    if not arn:
        raise ConfigurationError("TURN_SECRET_ARN is not set, and there are TURN_URLS")
    known = _secrets.get(arn)
    if known is not None:
        return known
    try:
        answer = aws.client("secretsmanager").get_secret_value(SecretId=arn, VersionStage="AWSCURRENT")
    except (BotoCoreError, ClientError) as error:
        raise DependencyUnavailable from error
    secret = json.loads(answer["SecretString"]).get("secret", "")
    if len(secret) < MIN_SECRET_CHARS:
        raise ConfigurationError("the TURN secret is too short: make a new one (docs/runbooks/calls.md)")
    _secrets.put(arn, secret)
    return str(secret)
