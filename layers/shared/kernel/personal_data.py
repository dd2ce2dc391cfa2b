"""What is held on a person, in kinds: each domain registers readers for its own, and an export reads all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Item = Mapping[str, Any]  # JSON values, without secrets that sign in or decrypt
# Takes a user id.
Reader = Callable[[str], Iterable[Item]]
ReaderOfKinds = Callable[[str], Iterable[tuple[str, Item]]]

_readers: dict[tuple[str, ...], ReaderOfKinds] = {}


def register_personal(kind: str, read: Reader) -> None:
    """Register the reader of a kind of data, which is the name of its document in exports."""
    register_personal_kinds((kind,), lambda user_id: ((kind, item) for item in read(user_id)))


def register_personal_kinds(kinds: tuple[str, ...], read: ReaderOfKinds) -> None:
    """Register one reader of several kinds, which yields each item with its kind: for kinds from the same records."""
    _readers[kinds] = read


def personal_data(user_id: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each registered kind with its items; each reader is called once."""
    for kinds, read in sorted(_readers.items()):
        found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
        for kind, item in read(user_id):
            found[kind].append(dict(item))
        yield from found.items()
