"""Response bodies of operations."""

from typing import Literal

from kernel.schema import Output


class Health(Output):
    status: Literal["ok"]
    version: str


class Check(Output):
    status: Literal["ok", "failed", "off"]
    latency_ms: float
    breaker: Literal["closed", "open", "half_open"]


class Readiness(Output):
    status: Literal["ok", "degraded", "down"]
    checks: dict[str, Check]
