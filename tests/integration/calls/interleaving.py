"""Concurrent actions in an interleaving that a seed determines, one store request at a time."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from typing import Any

from kernel import aws

PATIENCE_S = 20.0


class Interleaving:
    """Runs steps in threads, each of which waits before every request until the seed selects it."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._change = threading.Condition()
        self._running: set[int] = set()  # threads between two requests
        self._waiting: list[int] = []
        self._turn: int | None = None

    def run(self, steps: Sequence[Callable[[], None]]) -> None:
        """Run all steps to their end; raises the exception of a step."""
        failures: list[BaseException] = []
        threads = [threading.Thread(target=self._go, args=(each, failures), daemon=True) for each in steps]
        events = aws.client("dynamodb").meta.events
        events.register("before-call.dynamodb", self._before_request)
        try:
            with self._change:
                for thread in threads:
                    thread.start()
                    self._running.add(thread.ident or 0)
            for thread in threads:
                thread.join(PATIENCE_S)
                assert not thread.is_alive()
        finally:
            events.unregister("before-call.dynamodb", self._before_request)
        if failures:
            raise failures[0]

    def _go(self, step: Callable[[], None], failures: list[BaseException]) -> None:
        try:
            step()
        except BaseException as error:
            failures.append(error)
        finally:
            with self._change:
                self._running.discard(threading.get_ident())
                self._next()

    def _before_request(self, **_: Any) -> None:
        me = threading.get_ident()
        with self._change:
            if me not in self._running:
                return  # the test itself
            self._running.discard(me)
            self._waiting.append(me)
            self._next()
            assert self._change.wait_for(lambda: self._turn == me, PATIENCE_S)
            self._turn = None
            self._running.add(me)

    def _next(self) -> None:
        if not self._running and self._turn is None and self._waiting:
            self._waiting.sort()  # not by who came first, which no seed decides
            self._turn = self._waiting.pop(self._chance.randrange(len(self._waiting)))
            self._change.notify_all()
