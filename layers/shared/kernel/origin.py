"""Where the call under way comes from, for those who record it and are not handed the request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_address: ContextVar[str] = ContextVar("address", default="")


def address() -> str:
    """The address that the gateway has seen, empty outside of a call over HTTP."""
    return _address.get()


@contextmanager
def called_from(address: str) -> Iterator[None]:
    """Note the address for what is done inside."""
    before = _address.set(address)
    try:
        yield
    finally:
        _address.reset(before)
