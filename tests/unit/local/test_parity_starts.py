"""Calls at once share the starts of execution environments, and take one that becomes free before."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from ministack.core import lambda_runtime

from infra.local.config import python_runtime
from infra.local.parity import starts

SOON_S = 0.2


class Function:
    """A function whose environments are MiniStack's, of which no process is started."""

    def __init__(self, name: str, threads: ThreadPoolExecutor) -> None:
        self._acquire = starts._waiting_for_a_start(lambda_runtime.acquire_worker)
        self.release = starts._telling_who_waits(lambda_runtime.release_worker)
        self.started = starts._ending_the_start(lambda worker: None)
        self._threads, self._name = threads, name
        self.starting = [self.call().result(5)[0] for _ in range(starts.STARTS_AT_ONCE)]

    def call(self) -> Future[tuple[Any, str]]:
        arn = f"arn:aws:lambda:us-east-1:000000000000:function:{self._name}"
        config = {"FunctionName": self._name, "FunctionArn": arn, "Runtime": python_runtime()}
        return self._threads.submit(self._acquire, self._name, config, b"")


@pytest.fixture
def function(request: pytest.FixtureRequest) -> Iterator[Function]:
    with ThreadPoolExecutor(4) as threads:
        yield Function(request.node.name, threads)


def waits(call: Future[Any]) -> bool:
    return not wait([call], SOON_S).done


def test_a_call_waits_while_enough_environments_start_and_then_starts_its_own(function: Function) -> None:
    third = function.call()
    assert waits(third)
    function.started(function.starting[0])
    worker, how = third.result(5)
    assert how == "spawn"
    assert worker not in function.starting
    fourth = function.call()
    assert waits(fourth)
    function.started(worker)
    assert fourth.result(5)[1] == "spawn"


def test_a_call_that_waits_for_a_start_takes_an_environment_that_becomes_free(function: Function) -> None:
    first, *_ = function.starting
    third = function.call()
    assert waits(third)
    function.release(first)
    assert third.result(5) == (first, "reused")


def test_a_start_that_fails_lets_the_next_begin(function: Function) -> None:
    third = function.call()
    assert waits(third)

    def fail(worker: Any) -> None:
        raise RuntimeError("no such module")

    with pytest.raises(RuntimeError):
        starts._ending_the_start(fail)(function.starting[0])
    assert third.result(5)[1] == "spawn"
