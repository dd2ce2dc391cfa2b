"""Deliveries to providers and their outcomes, the same for all providers."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

from kernel import clock
from notifications.model import RegisteredDevice
from notifications.payloads import Payload

RETRY_AFTER_S = 30  # without a Retry-After header
RETRY_AFTER_MAX_S = 6 * 60 * 60


@dataclass(frozen=True, slots=True)
class Delivery:
    """One push to one device; `topic` makes it replace an undelivered one at the push service."""

    device: RegisteredDevice
    payload: Payload
    topic: str


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """A provider's response. `gone`: the device accepts no push any more. `later`: retry after `retry_after_s`.
    `refused`: this push cannot be delivered, but another one may be."""

    result: Literal["delivered", "gone", "later", "refused"]
    reason: str = ""
    retry_after_s: int = RETRY_AFTER_S


DELIVERED = PushOutcome("delivered")


def later(reason: str, retry_after: str | None = None) -> PushOutcome:
    """The outcome of a push to retry, after the Retry-After header (seconds or a date, RFC 9110) but at most 6 h."""
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
