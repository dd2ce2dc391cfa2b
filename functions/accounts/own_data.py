"""What accounts hold on a person, for an export, besides sessions: passkeys without their keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from accounts.factors import passkeys as service
from accounts.factors.passkey_schemas import Passkey
from kernel.schema import as_json


def passkeys(user_id: str) -> Iterator[dict[str, Any]]:
    """The person's passkeys, oldest first."""
    for each in service.list_passkeys(user_id):
        yield as_json(Passkey, each)
