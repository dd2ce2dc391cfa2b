"""Lambda's SnapStart: a function starts once, and every execution environment continues from a copy of that process.

Slow work is done before the copy is taken (`before`): importing modules that are otherwise imported at first use,
making clients and schemas. State that must not be shared, or may be days old, is dropped after each restore (`after`):
memos, breakers, keys, connections, the state of `random`. Ids and secrets come from the operating system, which Lambda
reseeds (AWS, "Handling uniqueness with Lambda SnapStart").

Modules register hooks at import in any case; without SnapStart they are never called.
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
    """Call `hook` before a copy of the process is taken. It may neither connect to anything nor generate secrets."""
    _before.append(hook)
    return hook


def after(hook: Hook) -> Hook:
    """Call `hook` when the process continues from a copy, before its first call."""
    _after.append(hook)
    return hook


def begin() -> None:
    """Register the hooks with Lambda, if it takes a copy of this process. The kernel's first import calls it."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        lambdas = importlib.import_module("snapshot_restore_py")  # part of Lambda's runtime
        lambdas.register_before_snapshot(prepare)
        lambdas.register_after_restore(restore)


def prepare() -> None:
    """Run the `before` hooks; the copy is taken after them."""
    for hook in _before:
        hook()


def restore() -> None:
    """Reseed random numbers and run the `after` hooks."""
    import random
    import ssl

    random.seed()
    ssl.RAND_add(os.urandom(64), 64.0)
    for hook in _after:
        hook()
