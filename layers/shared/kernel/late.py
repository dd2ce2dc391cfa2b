"""What is imported at its first use: whoever registers it by its dotted name loads nothing that it needs.

tests/unit/test_imports.py checks that each such name exists, and in the domain that names it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any


def named(path: str) -> Any:
    """The object with a dotted name, such as `polls.schemas.PollOut`."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


@cache
def late(path: str) -> Callable[..., Any]:
    """A function that calls the one with this dotted name, such as `polls.views.poll_keys`.

    It is the same for the same name, because events of types with the same functions are rendered together.
    """
    return lambda *given: named(path)(*given)
