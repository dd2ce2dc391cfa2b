"""A deployment's settings of its canary, read once from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

from kernel.config import ConfigurationError, config


@dataclass(frozen=True, slots=True)
class CanarySettings:
    """The API's URL."""

    url: str

    @property
    def http_url(self) -> str:
        """The absolute URL; a path alone is relative to the local cloud. Raises ConfigurationError."""
        if not self.url:
            raise ConfigurationError("CANARY_URL is not set: the canary needs it")
        return config().aws_endpoint_url + self.url if self.url.startswith("/") else self.url


@lru_cache(maxsize=1)
def settings() -> CanarySettings:
    """The settings of this process."""
    return CanarySettings(url=os.environ.get("CANARY_URL", ""))
