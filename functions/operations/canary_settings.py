"""A deployment's settings of its canary, read once from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

from kernel.config import ConfigurationError, config


@dataclass(frozen=True, slots=True)
class CanarySettings:
    """The API's URL, and the secret from which the canary's accounts get their names and password."""

    url: str
    secret_arn: str

    @property
    def http_url(self) -> str:
        """The absolute URL; a path alone is relative to the local cloud. Raises ConfigurationError."""
        if not self.url or not self.secret_arn:
            raise ConfigurationError("CANARY_URL and CANARY_SECRET_ARN are not set: the canary needs them")
        return config().aws_endpoint_url + self.url if self.url.startswith("/") else self.url


@lru_cache(maxsize=1)
def settings() -> CanarySettings:
    """The settings of this process."""
    env = os.environ.get
    return CanarySettings(url=env("CANARY_URL", ""), secret_arn=env("CANARY_SECRET_ARN", ""))
