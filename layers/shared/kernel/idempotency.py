"""`Idempotency-Key`: repeats the first answer of a POST for 24 h, by Powertools' idempotency over a table.

Answers are stored encrypted, together with a hash of the request. The encryption key is derived from a seed that KMS
encrypts, the caller and their Idempotency-Key, so that a reader of the table learns no token and gets nothing to test
passwords against.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kernel import keyrings
from kernel.config import config
from kernel.errors import Conflict, DependencyUnavailable, Unprocessable, ValidationFailed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HEADER = "idempotency-key"
REPLAYED = "Idempotent-Replayed"
KEEP_S = 24 * 60 * 60
MAX_KEY_CHARS = 64
CALL_MAX_MS = 10_000  # no function with HTTP routes runs longer (checked against the template)


class _CallTime:
    """Stands in for the Lambda context: Powertools lets a call that was cut off be repeated after this time."""

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

    Raises Unprocessable if the key was used with another route or body, Conflict while the first call is in progress.
    """
    from aws_lambda_powertools.utilities import idempotency as powertools
    from aws_lambda_powertools.utilities.idempotency import exceptions

    name = f"{caller}\n{key}"
    asked = hashlib.sha256(b"\0".join([route.encode(), body])).hexdigest()
    fresh: list[dict[str, Any]] = []

    def first(request: dict[str, str]) -> str:
        del request
        fresh.append(answer())
        return _lock({"asked": asked, "answer": fresh[0]}, name)

    settings = powertools.IdempotencyConfig(
        event_key_jmespath="key",
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
        kept = run(request={"key": name})
    except exceptions.IdempotencyAlreadyInProgressError as error:
        raise Conflict("The first request with this Idempotency-Key is still under way.", retry_after_s=1) from error
    except exceptions.IdempotencyPersistenceLayerError as error:
        if not fresh:
            raise DependencyUnavailable from error
        # the call is done; only its answer could not be stored (an item takes at most 400 KB)
    if fresh:
        return fresh[0], False
    before = _unlock(kept, name)
    if before is None:  # its seed is gone: the answer is older than two rotations, or was restored
        return answer(), False
    if before["asked"] != asked:
        raise Unprocessable
    return before["answer"], True


def require_key(key: str) -> None:
    """Raise ValidationFailed for an invalid key."""
    if not 1 <= len(key) <= MAX_KEY_CHARS or not key.isprintable():
        raise ValidationFailed.of("Idempotency-Key", "1 to 64 printable characters")


def _ciphers(name: str) -> list[AESGCM]:
    """The ciphers of this caller and key, the newest seed's first."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # most calls need none

    return [AESGCM(hmac.digest(seed.derive("answers"), name.encode(), "sha256")) for seed in keyrings.cursors.seeds()]


def _lock(first: dict[str, Any], name: str) -> str:
    nonce = os.urandom(12)
    return b64encode(nonce + _ciphers(name)[0].encrypt(nonce, json.dumps(first).encode(), None)).decode()


def _unlock(kept: str, name: str) -> dict[str, Any] | None:
    from cryptography.exceptions import InvalidTag

    raw = b64decode(kept)
    for cipher in _ciphers(name):
        with contextlib.suppress(InvalidTag):
            found: dict[str, Any] = json.loads(cipher.decrypt(raw[:12], raw[12:], None))
            return found
    return None
