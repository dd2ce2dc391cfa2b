"""Cases from the field run in the cloud that moto plays, as the integration tests do."""

from __future__ import annotations

from tests.integration.conftest import _in_the_cloud, _redis_server, redis

__all__ = ["_in_the_cloud", "_redis_server", "redis"]
