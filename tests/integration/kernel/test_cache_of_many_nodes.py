"""The tests' Valkey is part of a cluster, so that what ElastiCache Serverless refuses is refused here."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import ResponseError


@pytest.fixture
def refusing(redis: Any) -> Any:
    """The tests' Valkey, which forgets what it refused, so that the test does not fail for it."""
    yield redis
    redis.config_resetstat()


def test_a_command_and_a_script_over_keys_of_two_nodes_are_refused_and_counted(refusing: Any) -> None:
    with pytest.raises(ResponseError, match="same slot"):
        refusing.mget("one", "another")
    with pytest.raises(ResponseError, match="same slot"):
        refusing.eval("return 1", 2, "one", "another")
    assert refusing.info("errorstats")["errorstat_CROSSSLOT"] == {"count": 2}


def test_keys_with_one_hash_tag_are_of_one_node(redis: Any) -> None:
    assert redis.mget("turn:{a}", "turn:{a}:1:answer") == [None, None]
