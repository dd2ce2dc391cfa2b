"""What became of a push, in the words that all providers share."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

from kernel import clock
from notifications.model import RegisteredDevice
from notifications.payloads import Payload

RETRY_AFTER_S = 30  # where a provider does not say
RETRY_AFTER_MAX_S = 6 * 60 * 60


@dataclass(frozen=True, slots=True)
class Delivery:
    """One push to one device. `topic` names what it replaces at the push service."""

    device: RegisteredDevice
    payload: Payload
    topic: str


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What a provider said. `gone`: the device will never take one again. `later`: try again after so many seconds.

    `refused`: this push cannot be delivered, another one may be.
    """

    result: Literal["delivered", "gone", "later", "refused"]
    reason: str = ""
    retry_after_s: int = RETRY_AFTER_S


DELIVERED = PushOutcome("delivered")


def later(reason: str, retry_after: str | None = None) -> PushOutcome:
    """To be tried again, after what the provider's Retry-After says (seconds or a date, RFC 9110)."""
    return PushOutcome("later", reason, min(RETRY_AFTER_MAX_S, _seconds(retry_after)))


def _seconds(retry_after: str | None) -> int:
    if retry_after is None:
        return RETRY_AFTER_S
    if retry_after.strip().isdecimal():
        return max(1, int(retry_after))
    try:
        at = parsedate_to_datetime(retry_after)
        return max(1, int(at.timestamp()) - clock.now_s())
    except (ValueError, TypeError):
        return RETRY_AFTER_S
