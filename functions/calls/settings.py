"""A deployment's settings of calls, read once from the environment and validated before the first call."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

from kernel.config import ConfigurationError

SFU_LIMIT = 50  # participants; every change of a call writes its whole item, a kilobyte per four participants
_ICE_SCHEMES = ("stun:", "stuns:", "turn:", "turns:")


@dataclass(frozen=True, slots=True)
class CallSettings:
    """Up to `mesh_limit` participants send to each other directly; more need an SFU (`none` or `chime`)."""

    mesh_limit: int
    sfu: str
    stun_urls: tuple[str, ...]
    turn_urls: tuple[str, ...]
    turn_secret_arn: str


@lru_cache(maxsize=1)
def settings() -> CallSettings:
    """The settings of this process; raises ConfigurationError naming the variable that is wrong."""
    env = os.environ.get
    mesh_limit = env("CALL_MESH_LIMIT", "6")
    if not mesh_limit.isdigit() or not 2 <= int(mesh_limit) <= SFU_LIMIT:
        raise ConfigurationError(f"CALL_MESH_LIMIT must be a number from 2 to {SFU_LIMIT}, not {mesh_limit!r}")
    sfu = env("CALL_SFU", "none")
    if sfu not in ("none", "chime"):
        raise ConfigurationError(f"CALL_SFU must be none or chime, not {sfu!r}")
    return CallSettings(
        mesh_limit=int(mesh_limit),
        sfu=sfu,
        stun_urls=_urls("STUN_URLS"),
        turn_urls=_urls("TURN_URLS"),
        turn_secret_arn=env("TURN_SECRET_ARN", ""),
    )


def _urls(name: str) -> tuple[str, ...]:
    urls = tuple(each for each in os.environ.get(name, "").split(",") if each)
    for url in urls:
        if not url.startswith(_ICE_SCHEMES):
            raise ConfigurationError(f"{name} must be a list of stun:, turn: and turns: addresses, not {url!r}")
    return urls
