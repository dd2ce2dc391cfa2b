"""`Idempotency-Key`: the first answer of a POST again for 24 h, by Powertools' idempotency over a table.

Answers are kept encrypted under a key made from what only the same caller can repeat (the key and the body),
so that a reader of the table learns no token.
"""

from __future__ import annotations

import hashlib
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kernel.config import config
from kernel.errors import Conflict, DependencyUnavailable, Unprocessable, ValidationFailed

HEADER = "idempotency-key"
REPLAYED = "Idempotent-Replayed"
KEEP_S = 24 * 60 * 60
MAX_KEY_CHARS = 64
CALL_MAX_MS = 10_000  # no function that answers HTTP calls runs longer (checked against the template)


class _CallTime:
    """The Lambda context as Powertools asks for it: a call cut off half-way may be made again after this time."""

    def get_remaining_time_in_millis(self) -> int:
        return CALL_MAX_MS


@lru_cache(maxsize=1)
def _store() -> Any:
    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer

    from kernel import aws

    return DynamoDBPersistenceLayer(table_name=config().table("idempotency"), boto3_client=aws.client("dynamodb"))


def once(
    key: str, *, caller: str, route: str, body: bytes, answer: Callable[[], dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    """The JSON answer of the first call with this key, and whether it is a replay.

    Raises Unprocessable when the key came with another route or body, Conflict while the first is under way.
    """
    from aws_lambda_powertools.utilities import idempotency as powertools
    from aws_lambda_powertools.utilities.idempotency import exceptions

    secret = hashlib.sha256(b"\0".join([key.encode(), caller.encode(), body])).digest()
    fingerprint = hashlib.sha256(b"\0".join([route.encode(), body])).hexdigest()
    fresh: list[dict[str, Any]] = []

    def first(request: dict[str, str]) -> str:
        del request
        fresh.append(answer())
        return _lock(fresh[0], secret)

    settings = powertools.IdempotencyConfig(
        event_key_jmespath="key",
        payload_validation_jmespath="fingerprint",
        expires_after_seconds=KEEP_S,
        hash_function="sha256",
        raise_on_no_idempotency_key=True,
    )
    call_time: Any = _CallTime()
    settings.register_lambda_context(call_time)
    run = powertools.idempotent_function(
        first,
        data_keyword_argument="request",
        persistence_store=_store(),
        config=settings,
        key_prefix="http",
    )
    try:
        kept = run(request={"key": f"{caller}\n{key}", "fingerprint": fingerprint})
    except exceptions.IdempotencyValidationError as error:
        raise Unprocessable from error
    except exceptions.IdempotencyAlreadyInProgressError as error:
        raise Conflict("The first request with this Idempotency-Key is still under way.", retry_after_s=1) from error
    except exceptions.IdempotencyPersistenceLayerError as error:
        if not fresh:
            raise DependencyUnavailable from error
        # what was asked for is done; only its answer could not be kept (an item takes 400 KB)
    if fresh:
        return fresh[0], False
    return _unlock(kept, secret), True


def require_key(key: str) -> None:
    """Raises ValidationFailed for what is no key."""
    if not 1 <= len(key) <= MAX_KEY_CHARS or not key.isprintable():
        raise ValidationFailed.of("Idempotency-Key", "1 to 64 printable characters")


def _lock(answer: dict[str, Any], secret: bytes) -> str:
    nonce = os.urandom(12)
    return b64encode(nonce + AESGCM(secret).encrypt(nonce, json.dumps(answer).encode(), None)).decode()


def _unlock(kept: str, secret: bytes) -> dict[str, Any]:
    raw = b64decode(kept)
    answer: dict[str, Any] = json.loads(AESGCM(secret).decrypt(raw[:12], raw[12:], None))
    return answer
