"""No garbage collection while a function starts: what imports make stays, and looking through it again and again
costs a tenth of a cold start.

In Lambda only: elsewhere the process belongs to somebody else.
"""

from __future__ import annotations

import gc
import os
from functools import lru_cache


def begin() -> None:
    """Stop collecting. The kernel's first import calls it."""
    if "LAMBDA_TASK_ROOT" in os.environ:
        gc.disable()


@lru_cache(maxsize=1)
def finish() -> None:
    """Collect from now on, without the objects that are there already. The end of the first call calls it."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
