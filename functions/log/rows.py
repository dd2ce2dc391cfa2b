"""Records read for one rendering: each is read once, and those requested together in one round trip."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kernel.dynamo import Key, Record
from kernel.reads import read_together


class Rows:
    """A reader of records by key that remembers what it has read."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Key], Any] = {}

    def read(self, keys: Iterable[tuple[type[Record], Key]]) -> list[Any]:
        """The records with these keys, in this order; None for a missing one. One round trip per 100 new ones."""
        wanted = list(keys)
        missing = list(dict.fromkeys(each for each in wanted if self._identity(each) not in self._found))
        for each, row in zip(missing, read_together(missing) if missing else [], strict=True):
            self._found[self._identity(each)] = row
        return [self._found[self._identity(each)] for each in wanted]

    @staticmethod
    def _identity(key: tuple[type[Record], Key]) -> tuple[str, Key]:
        return key[0].Meta.table_name, key[1]
