"""Lambda's SnapStart: a function is started once, and every execution environment goes on from a copy of that process.

What is slow is done before the copy is taken (`before`): modules that are else loaded when they are first needed,
clients, schemas. What must not be shared or may have aged for days is forgotten after each restore (`after`): what is
remembered for a minute, breakers, keys, connections, the state of `random`. Ids and secrets come from the operating
system, which Lambda gives new entropy (AWS, "Handling uniqueness with Lambda SnapStart").

Modules register at import, whatever the function is started by; nothing is called without SnapStart.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import TypeVar

Hook = TypeVar("Hook", bound=Callable[[], None])

_before: list[Callable[[], None]] = []
_after: list[Callable[[], None]] = []


def before(hook: Hook) -> Hook:
    """Have `hook` called before a copy of the process is taken. It may connect to nothing, and draw no secret."""
    _before.append(hook)
    return hook


def after(hook: Hook) -> Hook:
    """Have `hook` called when the process goes on from a copy, before its first call."""
    _after.append(hook)
    return hook


def begin() -> None:
    """Have Lambda call the hooks, if it takes a copy of this process. The kernel's first import calls it."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        lambdas = importlib.import_module("snapshot_restore_py")  # of Lambda's own runtime
        lambdas.register_before_snapshot(prepare)
        lambdas.register_after_restore(restore)


def prepare() -> None:
    """Do what is slow; the copy is taken after it."""
    for hook in _before:
        hook()


def restore() -> None:
    """Forget what may be shared or old."""
    import random
    import ssl

    random.seed()
    ssl.RAND_add(os.urandom(64), 64.0)
    for hook in _after:
        hook()
