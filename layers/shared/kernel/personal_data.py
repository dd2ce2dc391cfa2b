"""What is held on a person, in kinds: each domain registers a reader for its own, and an export reads all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

# Takes a user id; returns the items as JSON values, without secrets that sign in or decrypt.
Reader = Callable[[str], Iterable[Mapping[str, Any]]]

_readers: dict[str, Reader] = {}


def register_personal(kind: str, read: Reader) -> None:
    """Register the reader of a kind of data, which is the name of its document in exports."""
    _readers[kind] = read


def personal_kinds() -> Mapping[str, Reader]:
    """The registered readers by kind, in alphabetical order."""
    return dict(sorted(_readers.items()))
