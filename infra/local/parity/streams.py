"""Corrects differences between MiniStack and Lambda in reading the streams of tables.

Lambda polls streams and queues independently, and waits for a batch to fill (MaximumBatchingWindowInSeconds). MiniStack
calls the consumers of streams on the thread that polls queues, one change at a time, so messages to large groups wait.
A batch here has at most 100 changes, so some 300 changes a second are handled.

MiniStack keeps each consumer's position when it is stopped, but not the streams: they start empty, so as many changes
as were read before would be skipped. Here consumers start at the beginning as well.
"""

import logging
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from infra.local.patching import wrap

LAMBDA = "ministack.services.lambda_svc"
WINDOW_S = 0.3

logger = logging.getLogger("infra.local")


def apply() -> None:
    wrap(LAMBDA, "_poll_dynamodb_streams", beside_the_queues)
    wrap(LAMBDA, "_restore_esm_positions", without_those_of_tables)


def without_those_of_tables(restore: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """`restore` without the positions in streams of tables."""
    of_tables = import_module(LAMBDA)._dynamodb_stream_positions

    def restoring(store: Any, positions: Any) -> None:
        if store is not of_tables:
            restore(store, positions)

    return restoring


def beside_the_queues(poll: Callable[[], bool]) -> Callable[[], bool]:
    """`poll` on a thread of its own, started by the first call; the caller is told that there is nothing to do."""
    started = threading.Lock()

    def follow() -> None:
        while True:
            time.sleep(WINDOW_S)
            try:
                poll()
            except Exception:
                logger.exception("following streams failed")

    def polling() -> bool:
        if started.acquire(blocking=False):
            threading.Thread(target=follow, daemon=True, name="streams").start()
        return False

    return polling
