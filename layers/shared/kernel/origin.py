"""Where the call under way comes from and where it was made to, for those who are not handed the request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_origin: ContextVar[tuple[str, str]] = ContextVar("origin", default=("", ""))


def address() -> str:
    """The caller's address as the gateway has seen it, empty outside of a call over HTTP."""
    return _origin.get()[0]


def base_url() -> str:
    """The address of the API that was called, without a slash at the end, empty outside of a call over HTTP."""
    return _origin.get()[1]


@contextmanager
def called_from(address: str, base_url: str = "") -> Iterator[None]:
    """Note both for what is done inside."""
    before = _origin.set((address, base_url))
    try:
        yield
    finally:
        _origin.reset(before)
