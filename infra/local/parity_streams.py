"""What MiniStack does differently from Lambda with the streams of tables, put right.

Lambda follows streams beside its queues and waits for a batch to fill (MaximumBatchingWindowInSeconds); MiniStack calls
a stream's consumers on the thread that polls the queues, one change at a time, so that messages to large groups wait.
A batch is at most 100 changes, so that some 300 a second are followed here.
"""

import logging
import threading
import time
from collections.abc import Callable

from infra.local.patching import wrap

LAMBDA = "ministack.services.lambda_svc"
WINDOW_S = 0.3

logger = logging.getLogger("infra.local")


def apply() -> None:
    wrap(LAMBDA, "_poll_dynamodb_streams", beside_the_queues)


def beside_the_queues(poll: Callable[[], bool]) -> Callable[[], bool]:
    """`poll` on a thread of its own, started by the first call; to the caller there is never anything to do."""
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
